// aipipe/cpp/dataset.hpp: tables, lazy or in memory, and passes over them.
#ifndef AIPIPE_CPP_DATASET_HPP
#define AIPIPE_CPP_DATASET_HPP

#include <aipipe/cpp/batch.hpp>
#include <aipipe/cpp/executor.hpp>
#include <aipipe/cpp/json.hpp>
#include <aipipe/metrics.h>

namespace aip {
inline namespace v1 {

class stage;
struct halves;

/// What became of the rows of one pass: rows_in = rows_out + rows_rejected + rows_filtered.
struct row_counts {
    std::int64_t rows_in;       ///< records that the source held
    std::int64_t rows_out;      ///< rows that the pass gave
    std::int64_t rows_rejected; ///< bad records, in the rejects table
    std::int64_t rows_filtered; ///< dropped by stages
};

namespace detail {
inline row_counts of_c(const aip_row_counts &c) noexcept {
    return row_counts{c.rows_in, c.rows_out, c.rows_rejected, c.rows_filtered};
}
} // namespace detail

/// A table: files, columns, a callback, or another dataset seen through stages. Immutable; nothing is read until somebody asks. any-thread
class dataset : public detail::handle<aip_dataset, aip_dataset_retain, aip_dataset_free> {
  public:
    using handle::handle;
    /// Its schema.
    aip::schema schema() const { return detail::borrowed_schema(aip_dataset_schema(get()), owner()); }
    /// The dataset seen through a fitted (or stateless) stage; lazy. AIP_E_STATE (not fitted), AIP_E_SCHEMA.
    inline dataset transform(const stage &s) const;

    /// One pass that gives each batch, in order, to f(const aip::batch &): one call at a time, on any thread. When f returns false the pass
    /// ends there; what it throws, each throws.
    template <class F> row_counts each(F f, const call &options = {}) const {
        struct visit {
            F &f;
            const detail::host_ptr &host;
            bool stopped;
        } visitor{f, owner(), false};
        const call::frame frame(options, owner());
        aip_row_counts counts = AIP_ROW_COUNTS_INIT;
        aip_error *err = nullptr;
        const std::int32_t status = aip_dataset_each(
            get(), frame.get(),
            [](void *user, aip_batch *b, aip_error **why) -> std::int32_t {
                auto *v = static_cast<visit *>(user);
                const std::int32_t failed = detail::guard(v->host, why, [&] {
                    const batch seen = detail::retained<batch>(b, aip_batch_retain, v->host);
                    if constexpr (std::is_same_v<std::invoke_result_t<F &, const batch &>, bool>)
                        v->stopped = !v->f(seen);
                    else
                        v->f(seen);
                });
                return failed == AIP_OK && v->stopped ? 1 : failed;
            },
            &visitor, &counts, &err);
        if (visitor.stopped && status == 1)
            aip_error_free(err);
        else
            detail::check(status, err, owner());
        return detail::of_c(counts);
    }
    /// The values of a column, in order: a pass into a vector. T as in aip::column; texts as std::string.
    template <class T> std::vector<std::optional<T>> values(const std::string &name, const call &options = {}) const {
        using seen = std::conditional_t<std::is_same_v<T, std::string>, std::string_view, T>;
        std::vector<std::optional<T>> all;
        each(
            [&](const batch &b) {
                for (const std::optional<seen> v : b.column<seen>(name)) {
                    if (v)
                        all.emplace_back(T(*v));
                    else
                        all.emplace_back();
                }
            },
            options);
        return all;
    }
    /// One pass into memory.
    dataset collect(const call &options = {}) const {
        return made_by(
            [&](const aip_call *c, aip_dataset **out, aip_error **err) { return aip_dataset_collect(get(), c, out, err); },
            options);
    }
    /// The first n rows, in memory.
    dataset head(std::int64_t n, const call &options = {}) const {
        return made_by(
            [&](const aip_call *c, aip_dataset **out, aip_error **err) { return aip_dataset_head(get(), n, c, out, err); },
            options);
    }
    /// What the last full pass over the source rejected: source, line, column, offset, reason, raw.
    dataset rejects(const call &options = {}) const {
        return made_by(
            [&](const aip_call *c, aip_dataset **out, aip_error **err) { return aip_dataset_rejects(get(), c, out, err); },
            options);
    }
    /// The number of rows; a pass unless known.
    std::int64_t count(const call &options = {}) const {
        const call::frame frame(options, owner());
        std::int64_t n = 0;
        call_c([&](aip_error **err) { return aip_dataset_count(get(), frame.get(), &n, err); });
        return n;
    }
    /// Writes to a file, whole or not at all: {{"path", "out.csv"}}, as the catalogue's `write` says.
    row_counts write(const json &params, const call &options = {}) const {
        const call::frame frame(options, owner());
        aip_row_counts counts = AIP_ROW_COUNTS_INIT;
        call_c([&](aip_error **err) { return aip_dataset_write(get(), params.c_str(), frame.get(), &counts, err); });
        return detail::of_c(counts);
    }
    /// Two parts, as scikit-learn's train_test_split chooses rows: {{"test_size", 0.2}, {"random_state", 42}}.
    inline halves split(const json &params, const call &options = {}) const;
    /// Metrics of a table that holds truth and predictions, in one pass: JSON text by metric name. Without names, those of a binary classifier.
    std::string evaluate(const std::string &truth, const json &metrics = {}, const call &options = {}) const {
        const call::frame frame(options, owner());
        char *text = nullptr;
        call_c([&](aip_error **err) {
            return aip_dataset_evaluate(get(), truth.c_str(), metrics.c_str(), frame.get(), &text, err);
        });
        return detail::take_text(owner(), text);
    }
    /// The rows as an Arrow stream, which the caller releases; a pass, batch by batch as the consumer asks.
    void to_arrow(ArrowArrayStream *out) const {
        call_c([&](aip_error **err) { return aip_dataset_to_arrow(get(), out, err); });
    }

  private:
    template <class F> dataset made_by(F f, const call &options) const {
        const call::frame frame(options, owner());
        aip_dataset *made = nullptr;
        call_c([&](aip_error **err) { return f(frame.get(), &made, err); });
        return dataset(made, owner());
    }
};

/// What dataset::split gives: auto [train, test] = data.split(...).
struct halves {
    dataset train; ///< the larger part
    dataset test;  ///< the part held out
};

inline halves dataset::split(const json &params, const call &options) const {
    const call::frame frame(options, owner());
    aip_dataset *train = nullptr, *test = nullptr;
    call_c([&](aip_error **err) { return aip_dataset_split(get(), params.c_str(), frame.get(), &train, &test, err); });
    return halves{dataset(train, owner()), dataset(test, owner())};
}

/// A member of the host's row struct as a column: {"distance", &flight::distance}. Its type is one of column_data's.
template <class Row> class column_of {
  public:
    /// A member of Row or of a base of it. A NaN, a NULL `const char *` and an empty std::optional are missing, as for a scorer.
    template <class T, class Of, std::enable_if_t<std::is_base_of_v<Of, Row>, int> = 0>
    column_of(std::string name, T Of::*member) {
        make_ = [name = std::move(name), member](const std::vector<const Row *> &rows) {
            using value = detail::plain_t<T>;
            column_data::builder<value> made;
            for (const Row *row : rows) {
                if constexpr (std::is_floating_point_v<T>) {
                    if (std::isnan(row->*member)) {
                        made.add_missing();
                        continue;
                    }
                }
                made.add(row->*member);
            }
            return column_data::built(name, std::move(made));
        };
    }
    /// The column of these rows.
    column_data operator()(const std::vector<const Row *> &rows) const { return make_(rows); }

  private:
    std::function<column_data(const std::vector<const Row *> &)> make_;
};

namespace detail {

/// A callback source: opened for each pass, asked for batches until there is none.
struct source {
    std::function<void()> open;
    std::function<std::optional<batch>()> next;
    host_ptr host;
};

inline dataset from_columns(const host_ptr &h, const std::vector<column_data> &columns) {
    std::vector<field> fields;
    std::vector<aip_column_view> views;
    for (const column_data &c : columns) {
        fields.push_back(c.field());
        views.push_back(c.view());
    }
    const schema s = make_schema(h, fields);
    aip_dataset *made = nullptr;
    aip_error *err = nullptr;
    const std::int32_t status =
        aip_dataset_from_columns(s.get(), views.data(), static_cast<std::int32_t>(views.size()), &made, &err);
    check(status, err, h);
    return dataset(made, h);
}

inline dataset from_source(const host_ptr &h, const schema &s, std::function<std::optional<batch>()> next,
                           std::function<void()> open) {
    auto made = std::make_unique<source>(source{std::move(open), std::move(next), h});
    aip_source_callbacks c = AIP_SOURCE_CALLBACKS_INIT;
    c.user = made.get();
    if (made->open)
        c.open = [](void *user, aip_error **err) -> std::int32_t {
            auto *of = static_cast<source *>(user);
            return guard(of->host, err, [of] { of->open(); });
        };
    c.next = [](void *user, aip_batch **out, aip_error **err) -> std::int32_t {
        auto *of = static_cast<source *>(user);
        return guard(of->host, err, [of, out] {
            std::optional<batch> b = of->next();
            *out = b ? b->release() : nullptr;
        });
    };
    c.destroy = [](void *user) { delete static_cast<source *>(user); };
    aip_dataset *out = nullptr;
    aip_error *err = nullptr;
    const std::int32_t status = aip_dataset_from_callbacks(s.get(), &c, &out, &err);
    check(status, err, h);
    made.release(); // the dataset's from here on
    return dataset(out, h);
}

} // namespace detail
} // namespace v1
} // namespace aip

#endif
