// aipipe/cpp/context.hpp: the context, from which everything is made, and what it is made with.
#ifndef AIPIPE_CPP_CONTEXT_HPP
#define AIPIPE_CPP_CONTEXT_HPP

#include <aipipe/cpp/dag.hpp>

#include <memory_resource>

namespace aip {
inline namespace v1 {

/// What a context is made with: aip::options{}.memory(heap, 256u << 20).executor(pool).log(f).
class options {
  public:
    /// Memory comes from here, in calls from any thread, and there is at most `limit` of it, in bytes (0: three quarters of the machine's).
    /// bad_alloc, and whatever else allocate throws, is a refusal: the call fails with AIP_E_NOMEM. The resource must outlive every handle, and
    /// every job that an executor still holds.
    options &memory(std::pmr::memory_resource &resource, std::uint64_t limit = 0) {
        memory_ = &resource;
        return memory_limit(limit);
    }
    /// At most so many bytes.
    options &memory_limit(std::uint64_t limit) {
        limit_ = limit;
        return *this;
    }
    /// Work runs there; the executor must outlive the context.
    options &executor(aip::executor &e) {
        executor_ = &e;
        return *this;
    }
    /// f(aip::level, std::string_view task, std::string_view message) for each line, from any thread; task is empty outside one. It must not
    /// call the library. The first exception that it throws waits for context::close().
    template <class F> options &log(F f) {
        log_ = std::move(f);
        return *this;
    }
    /// Threads that work, the waiting one among them: 0 is one per CPU, AIP_THREADS_NONE or 1: no other thread. Ignored with an executor.
    options &threads(int n) {
        threads_ = n;
        return *this;
    }

  private:
    friend class context;
    std::pmr::memory_resource *memory_ = nullptr;
    std::uint64_t limit_ = 0;
    aip::executor *executor_ = nullptr;
    std::function<void(level, std::string_view, std::string_view)> log_;
    int threads_ = 0;
};

namespace detail {

/* libstdc++'s pool resources align to the size alone: 18 bytes at 16 come from blocks of 24. A whole number of alignments is right everywhere. */
inline std::size_t whole(std::size_t size, std::size_t align) noexcept { return (size + align - 1) & ~(align - 1); }

inline void *resize(void *user, void *ptr, std::size_t old_size, std::size_t new_size, std::size_t align) noexcept {
    auto *resource = static_cast<std::pmr::memory_resource *>(user);
    void *made = nullptr;
    if (new_size > 0) {
        try {
            made = resource->allocate(whole(new_size, align), align);
        } catch (...) { // refused: the library says so, with AIP_E_NOMEM
            return nullptr;
        }
        if (ptr) std::memcpy(made, ptr, old_size < new_size ? old_size : new_size);
    }
    if (ptr) resource->deallocate(ptr, whole(old_size, align), align);
    return made;
}

inline aip_executor_callbacks executor_callbacks(executor *e) noexcept {
    aip_executor_callbacks c = AIP_EXECUTOR_CALLBACKS_INIT;
    c.user = e;
    c.submit = [](void *user, aip_job *ticket) -> std::int32_t {
        // taken in any case: a job that the executor refuses is given back by its destructor, and a waiting thread does it
        static_cast<executor *>(user)->submit(job(ticket));
        return AIP_OK;
    };
    c.concurrency = [](void *user) -> std::int32_t { return static_cast<executor *>(user)->concurrency(); };
    c.wake = [](void *user) { static_cast<executor *>(user)->wake(); };
    c.shutdown = [](void *user) { static_cast<executor *>(user)->shutdown(); };
    return c;
}

inline void log_line(void *user, std::int32_t l, const char *task, const char *message) noexcept {
    auto *h = static_cast<host *>(user);
    try {
        h->log(static_cast<level>(l), text_or_empty(task), text_or_empty(message));
    } catch (...) { h->keep_log(std::current_exception()); }
}

} // namespace detail

/// The library, set up: allocator, threads, log, catalogue. Everything is made from one; contexts do not see each other. Copies are the same
/// context. When the last copy goes it is closed: what runs is cancelled and waited for, and handles made from it can still be destroyed, in
/// any order, but no longer used. any-thread
class context {
  public:
    /// A context with every built-in registered. AIP_E_NOMEM, AIP_E_MISUSE.
    explicit context(const options &with = {}) : state_(std::make_shared<state>()) {
        host()->log = with.log_;
        aip_context_options o = AIP_CONTEXT_OPTIONS_INIT;
        aip_allocator memory = AIP_ALLOCATOR_INIT;
        memory.user = with.memory_;
        memory.resize = detail::resize;
        const aip_executor_callbacks callbacks = detail::executor_callbacks(with.executor_);
        o.threads = with.threads_;
        o.allocator = with.memory_ ? &memory : nullptr;
        o.executor = with.executor_ ? &callbacks : nullptr;
        o.log = with.log_ ? detail::log_line : nullptr;
        o.log_user = host().get();
        o.memory_limit = with.limit_;
        aip_error *err = nullptr;
        const std::int32_t status = aip_context_create(&o, &host()->ctx, &err);
        detail::check(status, err, host());
    }
    /// Closes now: cancels what runs and waits for it. Not from a callback. Throws what the log callable threw first, if it did.
    void close() {
        aip_context_close(get());
        if (const std::exception_ptr thrown = host()->take_log()) std::rethrow_exception(thrown);
    }

    // ---- tables

    /// A schema.
    aip::schema schema(const std::vector<field> &fields) const { return detail::make_schema(host(), fields); }
    /// Opens files, as the catalogue's `read` says: {{"path", "data/f-*.csv.gz"}, {"on_bad_row", "reject"}}.
    dataset read(const json &params) const {
        return made<dataset, aip_dataset>(
            [&](aip_dataset **out, aip_error **err) { return aip_dataset_read(get(), params.c_str(), out, err); });
    }
    /// Opens CSV files: a path or a pattern, and more parameters of `read`.
    dataset read_csv(const std::string &path, const json &params = {}) const {
        return read(params.with("path", path).with("format", "csv"));
    }
    /// Columns of the host's, copied: {{"age", ages}, {"name", names}}.
    dataset from_columns(std::initializer_list<column_data> columns) const { return detail::from_columns(host(), columns); }
    /// The same from a list made at run time.
    dataset from_columns(const std::vector<column_data> &columns) const { return detail::from_columns(host(), columns); }
    /// The host's structs, copied: from_rows(flights, {{"distance", &flight::distance}}).
    template <class Rows,
              class Row = std::remove_cv_t<std::remove_reference_t<decltype(*std::begin(std::declval<const Rows &>()))>>>
    dataset from_rows(const Rows &rows, std::initializer_list<column_of<Row>> columns) const {
        std::vector<const Row *> each;
        for (const Row &row : rows) each.push_back(std::addressof(row));
        std::vector<column_data> made_of;
        for (const column_of<Row> &c : columns) made_of.push_back(c(each));
        return detail::from_columns(host(), made_of);
    }
    /// Batches, shared; all must have the schema.
    dataset from_batches(const aip::schema &s, const std::vector<aip::batch> &batches) const {
        std::vector<aip_batch *> c;
        for (const aip::batch &b : batches) c.push_back(b.get());
        return made<dataset, aip_dataset>([&](aip_dataset **out, aip_error **err) {
            return aip_dataset_from_batches(s.get(), c.data(), static_cast<std::int64_t>(c.size()), out, err);
        });
    }
    /// A callback: next() gives one batch after the other, an empty optional at the end; open() starts a pass (none: there can be only one).
    /// Called from any thread, one call at a time; what they throw, the pass throws.
    dataset from_source(const aip::schema &s, std::function<std::optional<aip::batch>()> next,
                        std::function<void()> open = {}) const {
        return detail::from_source(host(), s, std::move(next), std::move(open));
    }
    /// An Arrow stream, which is taken over, also on failure. There can be only one pass.
    dataset from_arrow(ArrowArrayStream *stream) const {
        return made<dataset, aip_dataset>(
            [&](aip_dataset **out, aip_error **err) { return aip_dataset_from_arrow(get(), stream, out, err); });
    }
    /// A batch of the host's columns, copied.
    aip::batch batch(std::initializer_list<column_data> columns) const {
        std::vector<field> fields;
        std::vector<aip_column_view> views;
        for (const column_data &c : columns) {
            fields.push_back(c.field());
            views.push_back(c.view());
        }
        const aip::schema s = schema(fields);
        return made<aip::batch, aip_batch>([&](aip_batch **out, aip_error **err) {
            return aip_batch_create(s.get(), views.data(), static_cast<std::int32_t>(views.size()), out, err);
        });
    }

    // ---- stages, models, packages

    /// A stage of the catalogue: ctx.stage("standard_scaler", {{"columns", "numeric"}}). inputs: datasets by name, such as a join's right.
    aip::stage stage(const std::string &name, const json &params = {},
                     const std::vector<std::pair<std::string, dataset>> &inputs = {}) const {
        std::vector<aip_input> c;
        for (const auto &one : inputs) {
            aip_input i = AIP_INPUT_INIT;
            i.name = one.first.c_str();
            i.dataset = one.second.get();
            c.push_back(i);
        }
        return made<aip::stage, aip_stage>([&](aip_stage **out, aip_error **err) {
            return aip_stage_create(get(), name.c_str(), params.c_str(), c.data(), static_cast<std::int32_t>(c.size()), out, err);
        });
    }
    /// Stages in a row, as one: what operator| makes of two.
    aip::stage pipeline(std::initializer_list<aip::stage> stages) const { return aip::stage::in_a_row(host(), stages); }
    /// A model of the catalogue: ctx.model("logistic_regression", {{"C", 0.5}}).
    aip::model model(const std::string &name, const json &params = {}) const {
        return made<aip::model, aip_model>(
            [&](aip_model **out, aip_error **err) { return aip_model_create(get(), name.c_str(), params.c_str(), out, err); });
    }
    /// Adds a stage of the host's to the catalogue, beside the built-ins: usable by name in code, DAG files and packages (a context that
    /// loads such a package must define it too). f may be called until the context's memory goes: it must not hold a copy of this context,
    /// which would then never close.
    void define_stage(const std::string &name, const std::string &doc, std::vector<param> params, stage_function f) const {
        detail::define_stage(host(), name, doc, std::move(params), std::move(f));
    }
    /// Fits a pipeline and a model on a dataset, as one package. An empty pipeline: the model alone.
    package fit(const aip::stage &pipeline, const aip::model &last, const dataset &data, const std::string &target,
                const call &with = {}) const {
        return detail::fit_package(host(), pipeline, last, data, target, with);
    }
    /// A package of parts that are fitted already, either of which may be empty. input: what the first of them was fitted on; target: the
    /// column that evaluate compares with, empty: the one that the model was fitted on.
    package package_of(const aip::stage &pipeline, const aip::model &last, const aip::schema &input,
                       const std::string &target = {}) const {
        return made<package, aip_package>([&](aip_package **out, aip_error **err) {
            return aip_package_create(get(), pipeline.get(), last.get(), input.get(), target.empty() ? nullptr : target.c_str(),
                                      out, err);
        });
    }
    /// Reads a package file. AIP_E_NOT_FOUND, AIP_E_IO, AIP_E_CORRUPT, AIP_E_UNSUPPORTED (made by a later version).
    package load_package(const std::string &path) const {
        return made<package, aip_package>(
            [&](aip_package **out, aip_error **err) { return aip_package_load(get(), path.c_str(), out, err); });
    }
    /// Reads a package file's bytes.
    package package_from_bytes(std::string_view bytes) const {
        return made<package, aip_package>([&](aip_package **out, aip_error **err) {
            return aip_package_from_bytes(get(), bytes.data(), bytes.size(), out, err);
        });
    }

    // ---- DAGs

    /// Reads and checks a DAG file (YAML or JSON); relative paths in it start at its folder. Errors carry line and column.
    aip::dag load_dag(const std::string &path) const {
        return made<aip::dag, aip_dag>(
            [&](aip_dag **out, aip_error **err) { return aip_dag_load(get(), path.c_str(), out, err); });
    }
    /// The same from text; relative paths start at base_dir (empty: the working directory).
    aip::dag parse_dag(const std::string &text, const std::string &base_dir = {}) const {
        return made<aip::dag, aip_dag>([&](aip_dag **out, aip_error **err) {
            return aip_dag_parse(get(), text.c_str(), base_dir.empty() ? nullptr : base_dir.c_str(), out, err);
        });
    }
    /// An empty DAG, to be filled by code.
    aip::dag dag(const std::string &name) const {
        return made<aip::dag, aip_dag>(
            [&](aip_dag **out, aip_error **err) { return aip_dag_create(get(), name.c_str(), out, err); });
    }

    // ---- the context itself

    /// A token that stops the calls it is given to.
    aip::cancel_token cancel_token() const {
        aip_cancel *token = nullptr;
        aip_error *err = nullptr;
        const std::int32_t status = aip_cancel_create(get(), &token, &err);
        detail::check(status, err, host());
        return aip::cancel_token(token);
    }
    /// The catalogue as JSON text: one entry, or, without a name, all.
    std::string catalog(const std::string &name = {}) const {
        char *text = nullptr;
        aip_error *err = nullptr;
        const std::int32_t status = aip_catalog_json(get(), name.empty() ? nullptr : name.c_str(), &text, &err);
        detail::check(status, err, host());
        return detail::take_text(host(), text);
    }
    /// Bytes held now by what obeys the memory limit.
    std::uint64_t memory_used() const noexcept { return aip_context_memory_used(get()); }
    /// The most held at any time.
    std::uint64_t memory_peak() const noexcept { return aip_context_memory_peak(get()); }
    /// What results may depend on: kernel level and BLAS core.
    std::string numeric_profile() const { return aip_numeric_profile(get()); }
    /// The C handle, borrowed; for calls of the C interface.
    aip_context *get() const noexcept { return host()->ctx; }

  private:
    struct state { // closes the context with its last copy; the handles share the host alone
        state() : host(std::make_shared<detail::host>()) {}
        state(const state &) = delete;
        state &operator=(const state &) = delete;
        ~state() { aip_context_free(host->ctx); }
        detail::host_ptr host;
    };
    const detail::host_ptr &host() const noexcept { return state_->host; }
    template <class H, class T, class F> H made(F f) const {
        T *c = nullptr;
        aip_error *err = nullptr;
        const std::int32_t status = f(&c, &err);
        detail::check(status, err, host());
        return H(c, host());
    }
    std::shared_ptr<state> state_;
};

} // namespace v1
} // namespace aip

#endif
