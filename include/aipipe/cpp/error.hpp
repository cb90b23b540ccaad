// aipipe/cpp/error.hpp: aip::error, and how statuses become exceptions and exceptions become statuses.
//
// No exception passes through the library's C frames. What a callback throws is caught where the library called it:
//   - an aip::error is handed on with its status, message and place;
//   - anything else is kept beside the context under a positive status, which the library passes through unchanged, and the call that
//     ends with that status throws the original again.
#ifndef AIPIPE_CPP_ERROR_HPP
#define AIPIPE_CPP_ERROR_HPP

#include <aipipe/catalog.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <new>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace aip {
inline namespace v1 {

/// How much a line of the log matters.
enum class level : std::int32_t { error = AIP_LOG_ERROR, warning = AIP_LOG_WARNING, info = AIP_LOG_INFO, debug = AIP_LOG_DEBUG };

/// "error", "warning", "info" or "debug".
inline std::string_view name_of(level l) noexcept {
    switch (l) {
    case level::error: return "error";
    case level::warning: return "warning";
    case level::info: return "info";
    case level::debug: break;
    }
    return "debug";
}

/// The library's version, such as "0.2.0".
inline std::string_view version() noexcept { return aip_version(); }

namespace detail {
inline std::string_view text_or_empty(const char *text) noexcept { return text ? std::string_view(text) : std::string_view(); }
} // namespace detail

/// What every failing call throws: a status, one line of message, and where it applies. Copies share the C library's error object and do
/// not throw. Thrown out of a callback, it reaches the caller with the same status, message and place.
class error : public std::exception {
  public:
    /// An error of the host's own, for callbacks: a positive status is the host's, negative ones are the library's AIP_E_*.
    error(std::int32_t status, const std::string &message) : error(make(status, message)) {}
    /// Takes over an error of the C library; NULL is an error without a status, AIP_E_INTERNAL.
    explicit error(aip_error *taken)
        : c_(taken ? taken : make(AIP_E_INTERNAL, "failed, and no error was given"), aip_error_free) {}

    /// The message alone: what was expected, and what was found.
    const char *what() const noexcept override { return aip_error_message(c_.get()); }
    /// AIP_E_PARAM, AIP_E_SCHEMA, ...; positive: what a callback of the host gave.
    std::int32_t status() const noexcept { return aip_error_status(c_.get()); }
    /// "E_PARAM", "E_SCHEMA", ...; "HOST" for a positive status.
    std::string_view status_name() const noexcept { return aip_status_name(status()); }
    /// Place and message: "source:line:column: task 'x': stage 'y': message", as far as known.
    std::string_view text() const noexcept { return aip_error_text(c_.get()); }
    /// The place alone: "source:line:column: task 'x': stage 'y'"; empty when none is known.
    std::string where() const {
        const std::string_view whole = text(), message = what();
        const std::size_t n = whole.size() > message.size() ? whole.size() - message.size() : 0;
        return std::string(whole.substr(0, n < 2 ? 0 : n - 2));
    }
    /// File or URI; empty when not known. As the names below, it lives as long as the error.
    std::string_view source() const noexcept { return detail::text_or_empty(aip_error_source(c_.get())); }
    /// From 1; 0 when not known.
    std::int64_t line() const noexcept { return aip_error_line(c_.get()); }
    /// Byte column from 1; 0 when not known.
    std::int64_t column() const noexcept { return aip_error_column(c_.get()); }
    /// Byte offset from 0; -1 when not known.
    std::int64_t offset() const noexcept { return aip_error_offset(c_.get()); }
    /// Name of the task of a DAG, or empty.
    std::string_view task() const noexcept { return detail::text_or_empty(aip_error_task(c_.get())); }
    /// Name of the stage, or empty.
    std::string_view stage() const noexcept { return detail::text_or_empty(aip_error_stage(c_.get())); }
    /// Name of the parameter, or empty.
    std::string_view parameter() const noexcept { return detail::text_or_empty(aip_error_parameter(c_.get())); }
    /// Name of the data column, or empty.
    std::string_view data_column() const noexcept { return detail::text_or_empty(aip_error_data_column(c_.get())); }
    /// The C library's object; lives as long as the error.
    const aip_error *get() const noexcept { return c_.get(); }

  private:
    static aip_error *make(std::int32_t status, const std::string &message) {
        aip_error *made = nullptr;
        aip_error_set(&made, status, message.c_str());
        return made;
    }
    std::shared_ptr<aip_error> c_;
};

namespace detail {

/// What a context's C++ side owns, shared by all handles made from it: the log callable, and exceptions on their way through C frames.
/// It does not own the context: a handle keeps the memory of its context, not the context open.
struct host {
    aip_context *ctx = nullptr; ///< valid as long as any handle made from it
    std::function<void(level, std::string_view, std::string_view)> log;

    /// Keeps what a callback threw; the status under which it is found again.
    std::int32_t keep(std::exception_ptr thrown) {
        const std::lock_guard<std::mutex> held(lock_);
        if (kept_.size() >= most) kept_.erase(kept_.begin());
        const std::int32_t status = first_status + count_;
        kept_.emplace_back(status, std::move(thrown));
        count_ = (count_ + 1) & 0x3fffffff;
        return status;
    }
    /// Null when there is none (a status of the host's own).
    std::exception_ptr find(std::int32_t status) {
        const std::lock_guard<std::mutex> held(lock_);
        for (const auto &one : kept_)
            if (one.first == status) return one.second;
        return nullptr;
    }
    /// A log callable has nobody to throw to: the first exception waits for context::close().
    void keep_log(std::exception_ptr thrown) noexcept {
        const std::lock_guard<std::mutex> held(lock_);
        if (!log_thrown_) log_thrown_ = std::move(thrown);
    }
    std::exception_ptr take_log() noexcept {
        const std::lock_guard<std::mutex> held(lock_);
        return std::exchange(log_thrown_, nullptr);
    }

  private:
    static constexpr std::size_t most = 64; // of one pass, at most one a worker is under way; the others are history
    static constexpr std::int32_t first_status = 0x40000000;
    std::mutex lock_;
    std::vector<std::pair<std::int32_t, std::exception_ptr>> kept_;
    std::exception_ptr log_thrown_;
    std::int32_t count_ = 0;
};
using host_ptr = std::shared_ptr<host>;

/// Around every callback: what it throws becomes a status and an error.
template <class F> std::int32_t guard(const host_ptr &h, aip_error **err, F &&f) noexcept {
    try {
        std::forward<F>(f)();
        return AIP_OK;
    } catch (const error &e) { return aip_error_copy(err, e.get()); } catch (...) {
        std::int32_t status = AIP_E_NOMEM;
        try {
            status = h ? h->keep(std::current_exception()) : AIP_E_INTERNAL;
            throw;
        } catch (const std::exception &e) {
            return aip_error_set(err, status, e.what()); // keeping it failed for want of memory: AIP_E_NOMEM
        } catch (...) { return aip_error_set(err, status, "an exception that is no std::exception"); }
    }
}

/// The same around callbacks that have no error to fill in: whatever they throw is kept as it is.
template <class F> std::int32_t guard_silent(const host_ptr &h, F &&f) noexcept {
    try {
        std::forward<F>(f)();
        return AIP_OK;
    } catch (...) {
        try {
            return h ? h->keep(std::current_exception()) : AIP_E_INTERNAL;
        } catch (...) { // no memory to keep it in
            return AIP_E_NOMEM;
        }
    }
}

[[noreturn]] inline void raise(std::int32_t status, aip_error *err, const host_ptr &h) {
    if (status > 0 && h)
        if (const std::exception_ptr original = h->find(status)) {
            aip_error_free(err);
            std::rethrow_exception(original);
        }
    if (!err) throw error(status, "stopped by a callback");
    throw error(err);
}

/// After every call: throws when it failed. Takes err over.
inline void check(std::int32_t status, aip_error *err, const host_ptr &h) {
    if (status != AIP_OK) raise(status, err, h);
}

/// A C handle with its reference count. Copies share; any order of destruction is fine.
template <class T, void (*Retain)(T *), void (*Free)(T *)> class handle {
  public:
    /// Empty: a call on it fails with AIP_E_MISUSE.
    handle() noexcept = default;
    /// Takes the C handle over.
    handle(T *taken, host_ptr h) noexcept : c_(taken), host_(std::move(h)) {}
    handle(const handle &other) noexcept : c_(other.c_), host_(other.host_) {
        if (c_) Retain(c_);
    }
    handle(handle &&other) noexcept : c_(std::exchange(other.c_, nullptr)), host_(std::move(other.host_)) {}
    handle &operator=(handle other) noexcept {
        std::swap(c_, other.c_);
        std::swap(host_, other.host_);
        return *this;
    }
    ~handle() { Free(c_); }

    /// The C handle, borrowed; for calls of the C interface.
    T *get() const noexcept { return c_; }
    /// Whether there is one.
    explicit operator bool() const noexcept { return c_ != nullptr; }
    /// Gives the C handle up to the caller, who frees it.
    T *release() noexcept { return std::exchange(c_, nullptr); }

    /// The C++ side of its context (for this header's own use).
    const host_ptr &owner() const noexcept { return host_; }

  protected:
    /// Calls f(aip_error **) and throws what it says.
    template <class F> void call_c(F &&f) const {
        aip_error *err = nullptr;
        const std::int32_t status = std::forward<F>(f)(&err);
        check(status, err, host_);
    }

  private:
    T *c_ = nullptr;
    host_ptr host_;
};

/// One more reference on a borrowed handle.
template <class H, class T> H retained(T *borrowed, void (*retain)(T *), const host_ptr &h) noexcept {
    if (borrowed) retain(borrowed);
    return H(borrowed, h);
}

/// Text of the library's as a string; frees it.
inline std::string take_text(const host_ptr &h, char *text, std::size_t n) {
    struct owned {
        aip_context *ctx;
        char *text;
        ~owned() { aip_text_free(ctx, text); }
    } const freed{h ? h->ctx : nullptr, text};
    return std::string(text, n);
}
inline std::string take_text(const host_ptr &h, char *text) { return take_text(h, text, std::strlen(text)); }

} // namespace detail
} // namespace v1
} // namespace aip

#endif
