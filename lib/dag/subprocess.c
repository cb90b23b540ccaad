/* Runs a program and reads what it says. No fork of our own (posix_spawn), no signal handler, no thread.
 *
 * The child leads a process group, so that what it starts in turn can be stopped with it. Its end is seen with WNOWAIT first: as long as it is not
 * reaped its id, which is also the group's, cannot become somebody else's. What it left running in the background may hold the pipe open: once the
 * child has ended, only what is in the pipe already is read. */
#include "dag/subprocess.h"

#include "base/clock.h"
#include "base/io.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOOK_EVERY_MS 50
#define LOOK_EVERY_ENDED_MS 5 /* the pipe is closed: only the end itself is waited for */

typedef struct child {
    const aip__subprocess *program;
    const aip__io *io;
    pid_t pid;
    int pipe; /* -1: at its end */
    char line[AIP__LINE_BYTES + 1];
    size_t n;
    int unread; /* errno of a read that failed; 0: none */
    bool ended;
} child;

/* Every signal as a new program expects it, whatever the host blocks or ignores; a group of its own. */
static int set_attributes(posix_spawnattr_t *attributes) {
    sigset_t none, all;
    sigemptyset(&none);
    sigemptyset(&all);
    static const int usual[] = {SIGPIPE, SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGCHLD, SIGALRM, SIGUSR1, SIGUSR2};
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++) sigaddset(&all, usual[i]);
    int e = posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    if (e == 0) e = posix_spawnattr_setpgroup(attributes, 0);
    if (e == 0) e = posix_spawnattr_setsigmask(attributes, &none);
    if (e == 0) e = posix_spawnattr_setsigdefault(attributes, &all);
    return e;
}

/* Where it is missing (musl, older glibc) a program inherits what the host itself opened without O_CLOEXEC; ours are all opened with it. */
#ifdef __GLIBC__
#if __GLIBC_PREREQ(2, 34)
#define HAS_CLOSEFROM 1
#endif
#endif

static int set_files(posix_spawn_file_actions_t *files, const char *folder, int out) {
    int e = posix_spawn_file_actions_addopen(files, 0, "/dev/null", O_RDONLY, 0);
    if (e == 0) e = posix_spawn_file_actions_adddup2(files, out, 1);
    if (e == 0) e = posix_spawn_file_actions_adddup2(files, out, 2);
    if (e == 0 && folder) e = posix_spawn_file_actions_addchdir_np(files, folder);
#ifdef HAS_CLOSEFROM
    if (e == 0) e = posix_spawn_file_actions_addclosefrom_np(files, 3); /* the host's files are not the child's */
#endif
    return e;
}

static int spawn(const aip__io *io, const aip__subprocess *program, int out, pid_t *pid) {
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    int e = posix_spawn_file_actions_init(&files);
    if (e != 0) return e;
    e = posix_spawnattr_init(&attributes);
    if (e == 0) {
        e = set_attributes(&attributes);
        if (e == 0) e = set_files(&files, program->folder, out);
        if (e == 0)
            e = io->spawn(pid, program->argv[0], &files, &attributes, (char *const *)(uintptr_t)program->argv,
                          (char *const *)(uintptr_t)program->envp);
        posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_destroy(&files);
    return e;
}

/* ---- its output ------------------------------------------------------------------------------------------------------------------------- */

static void end_line(child *c) {
    if (c->n > 0 && c->line[c->n - 1] == '\r') c->n--;
    c->line[c->n] = 0;
    c->program->line(c->program->user, c->line);
    c->n = 0;
}

static void take(child *c, const char *bytes, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (bytes[i] == '\n') {
            end_line(c);
            continue;
        }
        if (c->n == AIP__LINE_BYTES) end_line(c);
        c->line[c->n++] = bytes[i] ? bytes[i] : ' ';
    }
}

/* Reads what is there; true when something was. The pipe does not block. */
static bool read_some(child *c) {
    char bytes[8192];
    ssize_t got = c->io->read(c->pipe, bytes, sizeof bytes);
    if (got > 0) {
        take(c, bytes, (size_t)got);
        return true;
    }
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return false;
    if (got < 0) c->unread = errno;
    c->io->close(c->pipe);
    c->pipe = -1;
    return false;
}

/* ---- its end ------------------------------------------------------------------------------------------------------------------------------ */

/* Whether the child has ended; it stays to be reaped. A host that ignores SIGCHLD has had it reaped: also ended. */
static void look(child *c) {
    siginfo_t info = {0};
    int got = waitid(P_PID, (id_t)c->pid, &info, WEXITED | WNOHANG | WNOWAIT);
    if ((got == 0 && info.si_pid == c->pid) || (got != 0 && errno == ECHILD)) c->ended = true;
}

/* Reads until the child has ended, or until `deadline_ns` (0: none), or the token asks; then its status. */
static int32_t follow(child *c, int64_t deadline_ns, aip__token *token, aip_error **err) {
    while (!c->ended && (deadline_ns == 0 || aip__clock_ns() < deadline_ns)) {
        struct pollfd p = {.fd = c->pipe, .events = POLLIN};
        int ready = poll(&p, 1, c->pipe < 0 ? LOOK_EVERY_ENDED_MS : LOOK_EVERY_MS);
        bool more = ready > 0 && c->pipe >= 0 && read_some(c);
        if (!more) look(c);
        AIP__TRY(aip__token_check(token, err));
        AIP__TRY(aip__token_progress(token, "command", 0, 0, -1, false, err));
    }
    return AIP_OK;
}

static void stop(child *c) {
    if (!c->ended) {
        kill(-c->pid, SIGTERM);
        follow(c, aip__clock_ns() + c->program->grace_ns + 1, NULL, NULL);
    }
    kill(-c->pid, SIGKILL); /* the child, or what it left: its id is not free before it is reaped */
}

int32_t aip__subprocess_run(const aip__subprocess *program, int *status, aip_error **err) {
    child c = {.program = program, .io = program->token->ctx->io, .pipe = -1};
    int ends[2];
    if (c.io->pipe(ends) != 0) return aip__error_errno(err, errno, "cannot make a pipe for '%s'", program->argv[0]);
    int e = spawn(c.io, program, ends[1], &c.pid);
    c.io->close(ends[1]);
    if (e != 0) {
        c.io->close(ends[0]);
        return aip__error_errno(err, e, "cannot start '%s'", program->argv[0]);
    }
    c.pipe = ends[0];
    int32_t result = follow(&c, 0, program->token, err);
    if (result != AIP_OK) stop(&c);
    while (c.pipe >= 0 && read_some(&c)) continue;
    if (c.n > 0) end_line(&c);
    if (c.pipe >= 0) c.io->close(c.pipe);
    int ended = 0;
    pid_t reaped = 0;
    do reaped = c.io->waitpid(c.pid, &ended, 0);
    while (reaped < 0 && errno == EINTR);
    if (result != AIP_OK) return result;
    if (reaped < 0)
        return aip__error_errno(err, errno, "cannot learn how '%s' ended (the host ignores SIGCHLD?)", program->argv[0]);
    if (c.unread) return aip__error_errno(err, c.unread, "cannot read what '%s' says", program->argv[0]);
    *status = ended;
    return AIP_OK;
}
