// aipipe/cpp/package.hpp: the model package, and scorers of the host's own structs.
#ifndef AIPIPE_CPP_PACKAGE_HPP
#define AIPIPE_CPP_PACKAGE_HPP

#include <aipipe/cpp/stage.hpp>

namespace aip {
inline namespace v1 {

/// A fitted pipeline, a model, the schema that they read, metrics and provenance: one file. Immutable: share it between threads.
class package : public detail::handle<aip_package, aip_package_retain, aip_package_free> {
  public:
    using handle::handle;
    /// The dataset's rows, in order, with the model's columns added; lazy.
    dataset predict(const dataset &data) const {
        aip_dataset *made = nullptr;
        call_c([&](aip_error **err) { return aip_package_predict(get(), data.get(), &made, err); });
        return dataset(made, owner());
    }
    /// The dataset as the fitted pipeline gives it, without the model; lazy.
    dataset transform(const dataset &data) const {
        aip_dataset *made = nullptr;
        call_c([&](aip_error **err) { return aip_package_transform(get(), data.get(), &made, err); });
        return dataset(made, owner());
    }
    /// The fitted pipeline; empty when there is none.
    stage pipeline() const {
        aip_stage *part = nullptr;
        call_c([&](aip_error **err) { return aip_package_pipeline(get(), &part, err); });
        return stage(part, owner());
    }
    /// The fitted model; empty when there is none.
    aip::model model() const {
        aip_model *part = nullptr;
        call_c([&](aip_error **err) { return aip_package_model(get(), &part, err); });
        return aip::model(part, owner());
    }
    /// The columns that the package reads.
    schema inputs() const { return detail::borrowed_schema(aip_package_inputs(get()), owner()); }
    /// Predicts a dataset that has the truth, and measures: JSON text by metric name.
    std::string evaluate(const dataset &data, const json &metrics = {}, const call &options = {}) const {
        const call::frame frame(options, owner());
        char *text = nullptr;
        call_c(
            [&](aip_error **err) { return aip_package_evaluate(get(), data.get(), metrics.c_str(), frame.get(), &text, err); });
        return detail::take_text(owner(), text);
    }
    /// A copy that carries these metrics (a JSON object, such as evaluate's).
    package with_metrics(const json &metrics) const {
        aip_package *made = nullptr;
        call_c([&](aip_error **err) { return aip_package_with_metrics(get(), metrics.text().c_str(), &made, err); });
        return package(made, owner());
    }
    /// Writes the file, whole or not at all.
    void save(const std::string &path) const {
        call_c([&](aip_error **err) { return aip_package_save(get(), path.c_str(), err); });
    }
    /// The file's bytes; context::package_from_bytes() reads them.
    std::string bytes() const {
        char *text = nullptr;
        std::size_t n = 0;
        call_c([&](aip_error **err) { return aip_package_to_bytes(get(), &text, &n, err); });
        return detail::take_text(owner(), text, n);
    }
    /// Inputs, target, pipeline, model, metrics, provenance as JSON text.
    std::string describe() const {
        char *text = nullptr;
        call_c([&](aip_error **err) { return aip_package_describe(get(), &text, err); });
        return detail::take_text(owner(), text);
    }
};

namespace detail {
inline package fit_package(const host_ptr &h, const stage &pipeline, const model &last, const dataset &data,
                           const std::string &target, const call &options) {
    const call::frame frame(options, h);
    aip_package *made = nullptr;
    aip_error *err = nullptr;
    const std::int32_t status =
        aip_package_fit(h ? h->ctx : nullptr, pipeline.get(), last.get(), data.get(), target.c_str(), frame.get(), &made, &err);
    check(status, err, h);
    return package(made, h);
}
} // namespace detail

inline package estimator::fit(const dataset &data, const std::string &target, const call &options) const {
    return detail::fit_package(data.owner(), pipeline, last, data, target, options);
}

/// Where an input of a package lies in the host's row struct: {"distance", &flight::distance}. bool, std::int32_t, std::int64_t, float and
/// double (a NaN is missing), const char * (NULL is missing), aip::date and aip::timestamp.
template <class Row> class member {
  public:
    /// A member of Row or of a base of it.
    template <class T, class Of, std::enable_if_t<std::is_base_of_v<Of, Row>, int> = 0>
    member(std::string column, T Of::*of) : column_(std::move(column)), type_(detail::type_for<std::remove_cv_t<T>>()) {
        using value = std::remove_cv_t<T>;
        static_assert(!std::is_same_v<value, std::string> && !std::is_same_v<value, std::string_view> && !std::is_array_v<value>,
                      "a scorer reads texts through a const char *: bind one that points to the text");
        static_assert(sizeof(value) >= 4 || std::is_same_v<value, bool>, "a scorer reads integers of 32 and 64 bits");
        static_assert(type_for_signed<value>, "a scorer reads signed integers");
        alignas(Row) unsigned char place[sizeof(Row)]; // never read: a member's offset needs an address, not a Row
        const Row *row = reinterpret_cast<const Row *>(place);
        offset_ = static_cast<std::size_t>(reinterpret_cast<const unsigned char *>(std::addressof(row->*of)) - place);
    }
    /// The package's input.
    const std::string &column() const noexcept { return column_; }
    /// The member's type.
    aip::type type() const noexcept { return type_; }
    /// Bytes from the row's start.
    std::size_t offset() const noexcept { return offset_; }

  private:
    template <class T>
    static constexpr bool type_for_signed = !std::is_integral_v<T> || std::is_same_v<T, bool> || std::is_signed_v<T>;
    std::string column_;
    aip::type type_;
    std::size_t offset_;
};

/// What a scorer gives for a row.
enum class output {
    probability, ///< of the positive class
    prediction   ///< the predicted class as a number
};

/// Predicts rows of the host's own structs. Bound once, when it is made; one per thread. Move-only. one-at-a-time
template <class Row> class scorer {
  public:
    /// Binds each input of the package to a member. AIP_E_SCHEMA (no such input, or a type that does not fit), AIP_E_STATE (an input is left
    /// unbound).
    scorer(const package &from, std::initializer_list<member<Row>> members, output wanted = output::probability)
        : host_(from.owner()) {
        aip_error *err = nullptr;
        aip_scorer *made = nullptr;
        const char *params = wanted == output::prediction ? "{\"output\":\"prediction\"}" : nullptr;
        std::int32_t status = aip_scorer_create(from.get(), params, &made, &err);
        detail::check(status, err, host_);
        c_.reset(made);
        for (const member<Row> &m : members) {
            status = aip_scorer_bind(made, m.column().c_str(), static_cast<std::int32_t>(m.type()), m.offset(), &err);
            detail::check(status, err, host_);
        }
        const char *stage = nullptr;
        status = aip_scorer_prepare(made, &stage, &err); // now, not with the first row; says what is not bound
        detail::check(status, err, host_);
        by_batches_ = detail::text_or_empty(stage);
    }

    /// The score of one row; NaN when it cannot be scored (such as a category that the package's encoder refuses), and then failure() says
    /// why.
    double operator()(const Row &row) noexcept {
        double score = std::numeric_limits<double>::quiet_NaN();
        aip_error *err = nullptr;
        if (aip_scorer_run(c_.get(), std::addressof(row), sizeof(Row), 1, &score, &err) != AIP_OK) {
            failure_.reset(err);
            return std::numeric_limits<double>::quiet_NaN();
        }
        return score;
    }
    /// n rows that lie in a row, into n scores; throws when one cannot be scored.
    void run(const Row *rows, std::int64_t n, double *scores) {
        aip_error *err = nullptr;
        const std::int32_t status = aip_scorer_run(c_.get(), rows, sizeof(Row), n, scores, &err);
        detail::check(status, err, host_);
    }
    /// All rows of a container that holds them in a row.
    template <class Rows> std::vector<double> run(const Rows &rows) {
        std::vector<double> scores(std::size(rows));
        run(std::data(rows), static_cast<std::int64_t>(scores.size()), scores.data());
        return scores;
    }
    /// Why the last row that got NaN from operator() could not be scored; AIP_OK's "" when none was.
    std::string_view failure() const noexcept { return aip_error_text(failure_.get()); }
    /// What makes rows go through batches, which allocate, such as a stage of the host's; empty: they do not.
    const std::string &by_batches() const noexcept { return by_batches_; }
    /// The C handle, borrowed.
    aip_scorer *get() const noexcept { return c_.get(); }

  private:
    struct free_c {
        void operator()(aip_scorer *s) const noexcept { aip_scorer_free(s); }
        void operator()(aip_error *e) const noexcept { aip_error_free(e); }
    };
    detail::host_ptr host_;
    std::unique_ptr<aip_scorer, free_c> c_;
    std::unique_ptr<aip_error, free_c> failure_;
    std::string by_batches_;
};

} // namespace v1
} // namespace aip

#endif
