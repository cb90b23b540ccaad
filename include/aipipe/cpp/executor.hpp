// aipipe/cpp/executor.hpp: where work runs (aip::executor, aip::job), and the options of a long call (aip::call, aip::cancel_token).
#ifndef AIPIPE_CPP_EXECUTOR_HPP
#define AIPIPE_CPP_EXECUTOR_HPP

#include <aipipe/cpp/error.hpp>
#include <aipipe/exec.h>

#include <chrono>

namespace aip {
inline namespace v1 {

/// The clock of deadlines and polls.
using clock = std::chrono::steady_clock;

/// A ticket for one piece of work. Run it once, on any thread; destroyed unrun it is given back, and a thread that waits does the work.
class job {
  public:
    /// No work.
    job() noexcept = default;
    /// Takes the C ticket over.
    explicit job(aip_job *taken) noexcept : c_(taken) {}
    /// Move-only: the ticket goes along.
    job(job &&other) noexcept : c_(std::exchange(other.c_, nullptr)) {}
    job &operator=(job &&other) noexcept {
        if (this != &other) {
            aip_job_drop(c_);
            c_ = std::exchange(other.c_, nullptr);
        }
        return *this;
    }
    job(const job &) = delete;
    job &operator=(const job &) = delete;
    ~job() { aip_job_drop(c_); }

    /// Does the work on this thread; returns at once when a waiting thread has done it. A second call does nothing.
    void run() noexcept {
        if (c_) aip_job_run(std::exchange(c_, nullptr));
    }
    /// Whether there is still a ticket.
    explicit operator bool() const noexcept { return c_ != nullptr; }

  private:
    aip_job *c_ = nullptr;
};

/// Where the library's work runs: the host's pool. With one, the library starts no thread. It must outlive the context. All functions are
/// called from any thread.
class executor {
  public:
    /// An executor is where it was made: the context points to it.
    executor() = default;
    executor(const executor &) = delete;
    executor &operator=(const executor &) = delete;
    virtual ~executor() = default;
    /// Takes the job, to run it on some thread, never before this returns. False: refused; the job, destroyed, is done by a waiting thread.
    virtual bool submit(job work) noexcept = 0;
    /// How many jobs may run at once, at least 1 (the waiting thread counts).
    virtual int concurrency() const noexcept { return 1; }
    /// A run wants run::poll to be called on the host's loop. May coalesce.
    virtual void wake() noexcept {}
    /// The context is closed: no submit or wake follows.
    virtual void shutdown() noexcept {}
};

/// How far a long call has come.
struct progress {
    std::int64_t rows;      ///< that came out so far
    std::int64_t bytes;     ///< of the source consumed so far
    double fraction;        ///< 0 to 1; negative when not known
    std::string_view phase; ///< "read", "fit standard_scaler", ...; valid during the callback
};

/// Stops long calls from another thread or a signal handler. Sticky. Copies are the same token. Made by context::cancel_token().
class cancel_token {
  public:
    /// No token: requests nothing.
    cancel_token() noexcept = default;
    /// Takes the C token over.
    explicit cancel_token(aip_cancel *taken) : c_(taken, aip_cancel_free) {}
    /// Every call that was given the token ends with AIP_E_CANCELLED, at its next batch.
    void request() const noexcept { aip_cancel_request(c_.get()); }
    /// Whether it was requested.
    bool requested() const noexcept { return aip_cancel_requested(c_.get()) != 0; }
    /// The C token, borrowed.
    aip_cancel *get() const noexcept { return c_.get(); }

  private:
    std::shared_ptr<aip_cancel> c_;
};

/// Options of a long call: aip::call{}.timeout(5s).progress([](const aip::progress &p) { ... }).
class call {
  public:
    /// None: the call runs to its end.
    call() = default;
    /// Those of a running task (task::options()), for the long calls that it makes. Borrowed.
    explicit call(const aip_call *given) noexcept : given_(given) {}
    /// The call ends with AIP_E_CANCELLED when the token is requested.
    call &cancel(cancel_token token) {
        token_ = std::move(token);
        return *this;
    }
    /// Past it the call ends with AIP_E_TIMEOUT.
    call &timeout(std::chrono::nanoseconds limit) {
        timeout_ = limit;
        return *this;
    }
    /// f(const aip::progress &) is called now and then, from any thread, never from two at once. When it returns false the call ends with
    /// AIP_E_CANCELLED; what it throws, the call throws.
    template <class F> call &progress(F f) {
        if constexpr (std::is_same_v<std::invoke_result_t<F &, const aip::progress &>, bool>)
            progress_ = std::move(f);
        else
            progress_ = [f = std::move(f)](const aip::progress &p) mutable {
                f(p);
                return true;
            };
        return *this;
    }

  private:
    const aip_call *given_ = nullptr;
    cancel_token token_;
    std::chrono::nanoseconds timeout_{0};
    std::function<bool(const aip::progress &)> progress_;

  public:
    /// The C struct for as long as a call takes (for this header's own use).
    class frame {
      public:
        frame(const call &options, const detail::host_ptr &h) : options_(options), host_(h), c_(AIP_CALL_INIT) {
            c_.cancel = options.token_.get();
            c_.timeout_ns = options.timeout_.count();
            if (!options.progress_) return;
            c_.user = this;
            c_.progress = [](void *user, const aip_progress *p) -> std::int32_t {
                const auto *self = static_cast<const frame *>(user);
                bool go_on = true;
                const std::int32_t status = detail::guard_silent(self->host_, [&] {
                    go_on =
                        self->options_.progress_(aip::progress{p->rows, p->bytes, p->fraction, detail::text_or_empty(p->phase)});
                });
                return status != AIP_OK ? status : go_on ? AIP_OK : AIP_E_CANCELLED;
            };
        }
        frame(const frame &) = delete;
        frame &operator=(const frame &) = delete;
        const aip_call *get() const noexcept { return options_.given_ ? options_.given_ : &c_; }

      private:
        const call &options_;
        const detail::host_ptr &host_;
        aip_call c_;
    };
};

} // namespace v1
} // namespace aip

#endif
