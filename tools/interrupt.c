/* Ctrl-C: the first cancels what runs, through calls that are safe in a signal handler; the second ends the command at once. The handler may
 * run on any thread, so a watched handle is freed only after every handler that could have seen it has left. */
#include "tool.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

static _Atomic(int) arrived; /* signals so far */
static _Atomic(int) which;
static _Atomic(int) inside; /* handlers that run now */
static _Atomic(aip_run *) watched_run;
static _Atomic(aip_cancel *) watched_call;

static void leave(int signal_number) {
    static const char show_cursor[] = "\033[?25h\n";
    if (term_err.moves && write(STDERR_FILENO, show_cursor, sizeof show_cursor - 1) < 0) { /* nobody is there to be told */
    }
    _exit(EXIT_CODE_SIGNAL + signal_number);
}

static void on_signal(int signal_number) {
    int saved = errno;
    atomic_fetch_add(&inside, 1);
    atomic_store(&which, signal_number);
    aip_run *run = atomic_load(&watched_run);
    aip_cancel *call = atomic_load(&watched_call);
    /* A closed terminal may send its SIGHUP twice, by the kernel and by the shell: that is no second wish. */
    bool again = atomic_fetch_add(&arrived, 1) > 0 && signal_number != SIGHUP;
    if (again || (!run && !call)) leave(signal_number);
    if (run) aip_run_cancel(run);
    if (call) aip_cancel_request(call);
    atomic_fetch_sub(&inside, 1);
    errno = saved;
}

static _Atomic(bool) pipe_closed;

static void on_pipe(int signal_number) {
    (void)signal_number;
    atomic_store(&pipe_closed, true);
} /* unlike SIG_IGN, not inherited by the commands that tasks start */

void interrupt_setup(void) {
    struct sigaction action = {.sa_handler = on_signal};
    sigemptyset(&action.sa_mask);
    action.sa_flags = SA_RESTART;
    struct sigaction old;
    sigaction(SIGINT, NULL, &old); /* under nohup and in background jobs of a shell: stay deaf */
    if (old.sa_handler != SIG_IGN) sigaction(SIGINT, &action, NULL);
    sigaction(SIGHUP, NULL, &old);
    if (old.sa_handler != SIG_IGN) sigaction(SIGHUP, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

void interrupt_pipe_ends(bool ends) {
    struct sigaction action = {.sa_handler = ends ? SIG_DFL : on_pipe};
    sigemptyset(&action.sa_mask);
    action.sa_flags = SA_RESTART;
    sigaction(SIGPIPE, &action, NULL);
}

bool interrupt_pipe_closed(void) { return atomic_load(&pipe_closed); }

int interrupt_end_by_pipe(void) {
    interrupt_pipe_ends(true);
    raise(SIGPIPE);
    return EXIT_CODE_SIGNAL + SIGPIPE;
}

void interrupt_watch_run(aip_run *run) { atomic_store(&watched_run, run); }
void interrupt_watch_call(aip_cancel *token) { atomic_store(&watched_call, token); }

void interrupt_unwatch(void) {
    atomic_store(&watched_run, NULL);
    atomic_store(&watched_call, NULL);
    while (atomic_load(&inside) > 0) sched_yield();
}

int interrupt_signal(void) { return atomic_load(&which); }
