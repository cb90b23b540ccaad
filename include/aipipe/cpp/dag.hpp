// aipipe/cpp/dag.hpp: tasks in a directed acyclic graph, and runs of it.
#ifndef AIPIPE_CPP_DAG_HPP
#define AIPIPE_CPP_DAG_HPP

#include <aipipe/cpp/package.hpp>
#include <aipipe/dag.h>

namespace aip {
inline namespace v1 {

/// Where a task stands.
enum class task_state : std::int32_t {
    none = AIP_TASK_NONE,
    ready = AIP_TASK_READY,
    queued = AIP_TASK_QUEUED,
    running = AIP_TASK_RUNNING,
    success = AIP_TASK_SUCCESS,
    cached = AIP_TASK_CACHED,
    skipped = AIP_TASK_SKIPPED,
    failed = AIP_TASK_FAILED,
    timed_out = AIP_TASK_TIMED_OUT,
    cancelled = AIP_TASK_CANCELLED,
    lost = AIP_TASK_LOST,
    upstream_failed = AIP_TASK_UPSTREAM_FAILED
};
/// "success", ...
inline std::string_view name_of(task_state s) noexcept { return aip_task_state_name(static_cast<std::int32_t>(s)); }

/// Where a run stands.
enum class run_state : std::int32_t {
    queued = AIP_RUN_QUEUED,
    running = AIP_RUN_RUNNING,
    success = AIP_RUN_SUCCESS,
    failed = AIP_RUN_FAILED,
    cancelled = AIP_RUN_CANCELLED
};

/// A task has changed its state, or has come further. Texts are valid during the callback.
struct task_event {
    std::string_view task;            ///< its name
    std::string_view state;           ///< the state's name: "running", "success", ...
    task_state code;                  ///< the state
    std::string_view phase;           ///< of progress; empty: a change of state
    std::int64_t rows;                ///< that came out so far
    std::int64_t bytes;               ///< of the source consumed so far
    double fraction;                  ///< 0 to 1; negative when not known
    std::chrono::nanoseconds elapsed; ///< since the task started
    std::string_view failure;         ///< place and message of a failed task's error; empty when there is none
};

/// What a running callback task sees. Valid during the callback. one-at-a-time
class task {
  public:
    /// Wraps what the library gives a callback.
    task(aip_task_context *of, detail::host_ptr h) noexcept : c_(of), host_(std::move(h)) {}
    /// What a task before this one made: `task` or `task.output`. AIP_E_NOT_FOUND.
    aip::dataset dataset(const std::string &name) const {
        aip_dataset *d = aip_task_dataset(c_, name.c_str());
        if (!d) throw error(AIP_E_NOT_FOUND, "'" + name + "' made no dataset: expected a task that this one comes after");
        return detail::retained<aip::dataset>(d, aip_dataset_retain, host_);
    }
    /// The same of packages.
    aip::package package(const std::string &name) const {
        aip_package *p = aip_task_package(c_, name.c_str());
        if (!p) throw error(AIP_E_NOT_FOUND, "'" + name + "' made no package: expected a task that this one comes after");
        return detail::retained<aip::package>(p, aip_package_retain, host_);
    }
    /// Hands a dataset on as the task's own output.
    void set(const aip::dataset &d) const { put(nullptr, d); }
    /// As a named output: others read task.name.
    void set(const std::string &name, const aip::dataset &d) const { put(name.c_str(), d); }
    /// Hands a package on as the task's own output.
    void set(const aip::package &p) const { put(nullptr, p); }
    /// As a named output.
    void set(const std::string &name, const aip::package &p) const { put(name.c_str(), p); }
    /// For the long calls that the task makes: they are then cancelled with the run, and tell how far they are.
    call options() const noexcept { return call(aip_task_call(c_)); }
    /// One line for the run's log.
    void log(level l, const std::string &message) const noexcept {
        aip_task_log(c_, static_cast<std::int32_t>(l), message.c_str());
    }
    /// The C handle, borrowed.
    aip_task_context *get() const noexcept { return c_; }

  private:
    void put(const char *name, const aip::dataset &d) const {
        aip_error *err = nullptr;
        const std::int32_t status = aip_task_set_dataset(c_, name, d.get(), &err);
        detail::check(status, err, host_);
    }
    void put(const char *name, const aip::package &p) const {
        aip_error *err = nullptr;
        const std::int32_t status = aip_task_set_package(c_, name, p.get(), &err);
        detail::check(status, err, host_);
    }
    aip_task_context *c_;
    detail::host_ptr host_;
};

/// A run of a DAG, on the context's executor. Destroyed before its end it is cancelled and waited for. Move-only. one-at-a-time
class run {
  public:
    /// Takes the C handle over; dag::start() is the usual way here.
    run(aip_run *taken, detail::host_ptr h) : listener_(std::make_unique<listener>()), host_(std::move(h)), c_(taken) {}

    /// f(const aip::task_event &) for each change of a task's state and as tasks come further: inside wait and poll, on the thread that
    /// calls them. Set it before the first of them. What it throws, they throw, when they have done their work.
    template <class F> void on_task(F f) {
        listener_->fn = std::move(f);
        aip_run_on_event(
            c_.get(),
            [](void *user, const aip_task_event *e) {
                auto *l = static_cast<listener *>(user);
                if (l->thrown) return; // the host hears of the first
                try {
                    l->fn(task_event{e->task, aip_task_state_name(e->state), static_cast<task_state>(e->state),
                                     detail::text_or_empty(e->phase), e->rows, e->bytes, e->fraction,
                                     std::chrono::nanoseconds(e->elapsed_ns), aip_error_text(e->error)});
                } catch (...) { l->thrown = std::current_exception(); }
            },
            listener_.get());
    }
    /// Helps until the run has ended; throws the error of the first task (in the DAG's order) that failed.
    void wait() {
        aip_error *err = nullptr;
        const std::int32_t status = aip_run_wait(c_.get(), &err);
        if (listener_->thrown) {
            aip_error_free(err);
            rethrow();
        }
        detail::check(status, err, host_);
        state_ = run_state::success;
    }
    /// Tells the listener what is new; runs jobs on this thread for at most `budget`. When to poll again at the latest, if there is such a
    /// time.
    std::optional<clock::time_point> poll(clock::time_point now = clock::now(), std::chrono::nanoseconds budget = {}) {
        const auto now_ns = std::chrono::duration_cast<std::chrono::nanoseconds>(now.time_since_epoch()).count();
        state_ = static_cast<run_state>(
            aip_run_poll(c_.get(), static_cast<std::uint64_t>(now_ns), static_cast<std::uint64_t>(budget.count())));
        rethrow();
        const std::uint64_t due = aip_run_next_deadline(c_.get());
        if (due == AIP_NEVER) return std::nullopt;
        return clock::time_point(std::chrono::duration_cast<clock::duration>(std::chrono::nanoseconds(due)));
    }
    /// What the last poll found (wait ends with success or throws).
    run_state state() const noexcept { return state_; }
    /// Whether the last poll found the run ended.
    bool done() const noexcept { return state_ >= run_state::success; }
    /// After the end: throws the error of the first task that failed.
    void result() const {
        aip_error *err = nullptr;
        const std::int32_t status = aip_run_result(c_.get(), &err);
        detail::check(status, err, host_);
    }
    /// What runs ends at its next batch, what has not started does not start. From any thread.
    void cancel() const noexcept { aip_run_cancel(c_.get()); }
    /// State, tasks, times, errors, metrics and the account of rows, as JSON text.
    std::string report() const {
        char *text = nullptr;
        aip_error *err = nullptr;
        const std::int32_t status = aip_run_report(c_.get(), &text, &err);
        detail::check(status, err, host_);
        return detail::take_text(host_, text);
    }
    /// A task's output (`task` or `task.output`), after it succeeded.
    aip::dataset dataset(const std::string &name) const {
        aip_dataset *made = nullptr;
        aip_error *err = nullptr;
        const std::int32_t status = aip_run_dataset(c_.get(), name.c_str(), &made, &err);
        detail::check(status, err, host_);
        return aip::dataset(made, host_);
    }
    /// The same of packages.
    aip::package package(const std::string &name) const {
        aip_package *made = nullptr;
        aip_error *err = nullptr;
        const std::int32_t status = aip_run_package(c_.get(), name.c_str(), &made, &err);
        detail::check(status, err, host_);
        return aip::package(made, host_);
    }
    /// The C handle, borrowed.
    aip_run *get() const noexcept { return c_.get(); }

  private:
    struct listener {
        std::function<void(const task_event &)> fn;
        std::exception_ptr thrown;
    };
    struct free_c {
        void operator()(aip_run *r) const noexcept { aip_run_free(r); }
    };
    void rethrow() {
        if (listener_->thrown) std::rethrow_exception(std::exchange(listener_->thrown, nullptr));
    }
    std::unique_ptr<listener> listener_; // outlives the run, which calls it
    detail::host_ptr host_;
    std::unique_ptr<aip_run, free_c> c_;
    run_state state_ = run_state::queued;
};

/// A directed acyclic graph of tasks: operators of the catalogue, and lambdas. Move-only. one-at-a-time
class dag {
  public:
    /// Takes the C handle over; context::dag(), load_dag() and parse_dag() are the usual ways here.
    dag(aip_dag *taken, detail::host_ptr h) noexcept : host_(std::move(h)), c_(taken) {}

    /// A task from the catalogue, as in a DAG file: {{"read", {{"path", "x.csv"}}}, {"output", "y.csv"}}.
    dag &add(const std::string &name, const json &definition) {
        aip_error *err = nullptr;
        const std::int32_t status = aip_dag_add(c_.get(), name.c_str(), definition.text().c_str(), &err);
        detail::check(status, err, host_);
        return *this;
    }
    /// A lambda f(aip::task &) as a task, which starts when the tasks of `after` have succeeded. Called on any thread; what it throws fails
    /// the task, and wait and result throw it.
    template <class F, std::enable_if_t<std::is_invocable_v<F &, task &>, int> = 0>
    dag &add(const std::string &name, F f, std::initializer_list<std::string> after = {}) {
        struct closure {
            F f;
            detail::host_ptr host;
        };
        auto made = std::make_unique<closure>(closure{std::move(f), host_});
        aip_error *err = nullptr;
        const std::int32_t status = aip_dag_add_callback(
            c_.get(), name.c_str(),
            [](void *user, aip_task_context *running, aip_error **why) -> std::int32_t {
                auto *of = static_cast<closure *>(user);
                return detail::guard(of->host, why, [&] {
                    task seen(running, of->host);
                    of->f(seen);
                });
            },
            made.get(), [](void *user) { delete static_cast<closure *>(user); }, &err);
        detail::check(status, err, host_);
        made.release(); // the DAG's from here on
        for (const std::string &before : after) add_dependency(before, name);
        return *this;
    }
    /// `after` starts when `before` has succeeded.
    dag &add_dependency(const std::string &before, const std::string &after) {
        aip_error *err = nullptr;
        const std::int32_t status = aip_dag_add_dependency(c_.get(), before.c_str(), after.c_str(), &err);
        detail::check(status, err, host_);
        return *this;
    }
    /// Checks the whole graph, and that schemas fit as far as is known without running.
    void check(const json &params = {}) const {
        aip_error *err = nullptr;
        const std::int32_t status = aip_dag_check(c_.get(), params.c_str(), &err);
        detail::check(status, err, host_);
    }
    /// Name, tasks, dependencies, parameters as JSON text.
    std::string describe() const {
        char *text = nullptr;
        aip_error *err = nullptr;
        const std::int32_t status = aip_dag_describe(c_.get(), &text, &err);
        detail::check(status, err, host_);
        return detail::take_text(host_, text);
    }
    /// Starts a run: {{"min_auc", 0.75}} are parameters of the DAG. The DAG itself may go.
    run start(const json &params = {}) const {
        const std::string options = params.is_null() ? std::string() : json().with("params", params).text();
        aip_run *made = nullptr;
        aip_error *err = nullptr;
        const std::int32_t status = aip_run_start(c_.get(), options.empty() ? nullptr : options.c_str(), &made, &err);
        detail::check(status, err, host_);
        return run(made, host_);
    }
    /// The C handle, borrowed.
    aip_dag *get() const noexcept { return c_.get(); }

  private:
    struct free_c {
        void operator()(aip_dag *d) const noexcept { aip_dag_free(d); }
    };
    detail::host_ptr host_;
    std::unique_ptr<aip_dag, free_c> c_;
};

} // namespace v1
} // namespace aip

#endif
