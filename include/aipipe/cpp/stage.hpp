// aipipe/cpp/stage.hpp: stages, pipelines and models; and stages that a lambda makes.
#ifndef AIPIPE_CPP_STAGE_HPP
#define AIPIPE_CPP_STAGE_HPP

#include <aipipe/cpp/dataset.hpp>
#include <aipipe/cpp/json.hpp>
#include <aipipe/model.h>
#include <aipipe/package.h>
#include <aipipe/stage.h>

namespace aip {
inline namespace v1 {

class package;

/// What turns batches into batches: a stage of the catalogue, one of the host's, or several in a row. Immutable: fit gives a fitted one.
class stage : public detail::handle<aip_stage, aip_stage_retain, aip_stage_free> {
  public:
    using handle::handle;
    /// The catalogue's name; "pipeline" for several in a row.
    std::string name() const { return aip_stage_name(get()); }
    /// Whether it can be applied.
    bool fitted() const noexcept { return aip_stage_is_fitted(get()) != 0; }
    /// Learns from a dataset. One with nothing to learn comes back as it is.
    stage fit(const dataset &data, const call &options = {}) const {
        const call::frame frame(options, owner());
        aip_stage *made = nullptr;
        call_c([&](aip_error **err) { return aip_stage_fit(get(), data.get(), frame.get(), &made, err); });
        return stage(made, owner());
    }
    /// What would come out for this input. AIP_E_STATE (not fitted), AIP_E_SCHEMA.
    schema output_schema(const schema &in) const {
        aip_schema *made = nullptr;
        call_c([&](aip_error **err) { return aip_stage_output_schema(get(), in.get(), &made, err); });
        return schema(made, owner());
    }
    /// One batch through a fitted stage.
    batch apply(const batch &in) const {
        aip_batch *made = nullptr;
        call_c([&](aip_error **err) { return aip_stage_apply(get(), in.get(), &made, err); });
        return batch(made, owner());
    }
    /// What the stage is and has learned, as JSON text: name, parameters, learned values, stages of a pipeline.
    std::string describe() const {
        char *text = nullptr;
        call_c([&](aip_error **err) { return aip_stage_describe(get(), &text, err); });
        return detail::take_text(owner(), text);
    }
    /// How many stages a pipeline has; 1 for any other.
    int size() const noexcept { return aip_stage_n_stages(get()); }
    /// The i-th of them; a fitted pipeline's are fitted. AIP_E_MISUSE out of range.
    stage operator[](int i) const {
        aip_stage *one = aip_stage_at(get(), i);
        if (!one) throw error(AIP_E_MISUSE, "stage " + std::to_string(i) + " of " + std::to_string(size()));
        return detail::retained<stage>(one, aip_stage_retain, owner());
    }
    /// Both in a row, as one stage.
    friend stage operator|(const stage &first, const stage &second) { return in_a_row(first.owner(), {first, second}); }
    /// Several in a row; context::pipeline() is the usual way here.
    static stage in_a_row(const detail::host_ptr &h, std::initializer_list<stage> stages) {
        std::vector<aip_stage *> c;
        for (const stage &one : stages) c.push_back(one.get());
        aip_stage *made = nullptr;
        aip_error *err = nullptr;
        const std::int32_t status =
            aip_stage_pipeline(h ? h->ctx : nullptr, c.data(), static_cast<std::int32_t>(c.size()), &made, &err);
        detail::check(status, err, h);
        return stage(made, h);
    }
};

inline dataset dataset::transform(const stage &s) const {
    aip_dataset *made = nullptr;
    call_c([&](aip_error **err) { return aip_dataset_transform(get(), s.get(), &made, err); });
    return dataset(made, owner());
}

/// What learns a target from a dataset and predicts it. Immutable: fit gives a fitted one.
class model : public detail::handle<aip_model, aip_model_retain, aip_model_free> {
  public:
    using handle::handle;
    /// The catalogue's name.
    std::string name() const { return aip_model_name(get()); }
    /// Whether it can predict.
    bool fitted() const noexcept { return aip_model_is_fitted(get()) != 0; }
    /// Learns the column `target` from every other column, all numeric or bool without missing values.
    model fit(const dataset &data, const std::string &target, const call &options = {}) const {
        const call::frame frame(options, owner());
        aip_model *made = nullptr;
        call_c([&](aip_error **err) { return aip_model_fit(get(), data.get(), target.c_str(), frame.get(), &made, err); });
        return model(made, owner());
    }
    /// The dataset with the model's columns added; lazy.
    dataset predict(const dataset &data) const {
        aip_dataset *made = nullptr;
        call_c([&](aip_error **err) { return aip_model_predict(get(), data.get(), &made, err); });
        return dataset(made, owner());
    }
    /// What was learned, as JSON text: coefficients by feature, intercept, classes, iterations.
    std::string describe() const {
        char *text = nullptr;
        call_c([&](aip_error **err) { return aip_model_describe(get(), &text, err); });
        return detail::take_text(owner(), text);
    }
};

/// A pipeline and the model at its end: (scale | model).fit(data, "target") is a package. Made by operator|.
struct estimator {
    stage pipeline; ///< may be empty: the model alone
    model last;     ///< what comes after it
    /// Fits the pipeline, then the model on what it makes of the dataset (aip_package_fit).
    inline package fit(const dataset &data, const std::string &target, const call &options = {}) const;
};
/// A pipeline that ends in a model.
inline estimator operator|(const stage &pipeline, const model &last) { return estimator{pipeline, last}; }

// ---- stages that a lambda makes ---------------------------------------------------------------------------------------------------

/// A parameter of a stage of the host's own: {"column", aip::type::utf8} is a required text; .otherwise(...) gives a default.
class param {
  public:
    /// utf8 is a text, boolean a bool, int32 and int64 a whole number, float32 and float64 a number.
    param(std::string name, aip::type t) : param(std::move(name), kind_of(t)) {}
    /// Any kind of the catalogue: AIP_PARAM_STRINGS, AIP_PARAM_COLUMNS, AIP_PARAM_DURATION, ...
    param(std::string name, std::int32_t kind) : name_(std::move(name)), kind_(kind) {}
    /// What it means, in one line.
    param &doc(std::string text) {
        doc_ = std::move(text);
        return *this;
    }
    /// Its default; without one it is required. null is then a value too.
    param &otherwise(const json &value) {
        default_ = value.text();
        optional_ = true;
        return *this;
    }
    /// What a number may be, both ends inclusive.
    param &between(double minimum, double maximum) {
        minimum_ = minimum;
        maximum_ = maximum;
        return *this;
    }
    /// One of these texts.
    param &choices(std::string separated_by_bars) {
        kind_ = AIP_PARAM_CHOICE;
        choices_ = std::move(separated_by_bars);
        return *this;
    }
    /// The C struct; borrows this one's texts.
    aip_param_spec spec() const noexcept {
        aip_param_spec s{};
        s.struct_size = sizeof s;
        s.type = kind_;
        s.name = name_.c_str();
        s.doc = doc_.c_str();
        s.default_json = optional_ ? default_.c_str() : nullptr;
        s.choices = kind_ == AIP_PARAM_CHOICE ? choices_.c_str() : nullptr;
        s.minimum = minimum_;
        s.maximum = maximum_;
        s.nullable = optional_ && default_ == "null" ? 1 : 0;
        return s;
    }
    /// Its name.
    const std::string &name() const noexcept { return name_; }
    /// AIP_PARAM_*.
    std::int32_t kind() const noexcept { return kind_; }

  private:
    static std::int32_t kind_of(aip::type t) {
        switch (t) {
        case type::boolean: return AIP_PARAM_BOOL;
        case type::int32:
        case type::int64: return AIP_PARAM_INT;
        case type::float32:
        case type::float64: return AIP_PARAM_FLOAT;
        case type::utf8: return AIP_PARAM_STRING;
        default: throw error(AIP_E_MISUSE, "no parameter has the type " + std::string(name_of(t)));
        }
    }
    std::string name_, doc_, default_, choices_;
    std::int32_t kind_;
    bool optional_ = false;
    double minimum_ = 0, maximum_ = 0;
};

/// The value of a parameter, checked and with its default filled in.
class param_value {
  public:
    /// Reads a value of validated parameters.
    param_value(const aip_params *from, const param &p) : name_(p.name()), null_(aip_params_is_null(from, name_.c_str()) != 0) {
        const char *n = name_.c_str();
        number_ = p.kind() == AIP_PARAM_BOOL ? aip_params_bool(from, n) : aip_params_float(from, n);
        whole_ = aip_params_int(from, n);
        text_ = detail::text_or_empty(aip_params_string(from, n));
        json_ = detail::text_or_empty(aip_params_json(from, n));
        for (std::int32_t i = 0; i < aip_params_n_strings(from, n); i++)
            texts_.emplace_back(detail::text_or_empty(aip_params_string_at(from, n, i)));
    }
    /// The parameter's name.
    const std::string &name() const noexcept { return name_; }
    /// Whether it is null.
    bool is_null() const noexcept { return null_; }
    /// A text, as such.
    operator std::string_view() const noexcept { return text_; }
    /// As bool, an integer, a floating-point number (a duration in seconds), std::string, or std::vector<std::string>.
    template <class T> T as() const {
        if constexpr (std::is_same_v<T, bool>)
            return number_ != 0;
        else if constexpr (std::is_integral_v<T>)
            return static_cast<T>(whole_);
        else if constexpr (std::is_floating_point_v<T>)
            return static_cast<T>(number_);
        else if constexpr (std::is_same_v<T, std::vector<std::string>>)
            return texts_;
        else
            return T(text_);
    }
    /// As JSON text; for lists and objects.
    const std::string &json() const noexcept { return json_; }

  private:
    std::string name_, text_, json_;
    std::vector<std::string> texts_;
    bool null_;
    double number_ = 0;
    std::int64_t whole_ = 0;
};

/// The parameters that a stage was made with.
class params {
  public:
    /// No parameters.
    params() = default;
    /// Reads validated parameters.
    params(const aip_params *from, const std::vector<param> &known) {
        for (const param &p : known) values_.emplace_back(from, p);
    }
    /// A parameter by name. AIP_E_PARAM: the stage declared none of this name.
    const param_value &operator[](std::string_view name) const {
        for (const param_value &v : values_)
            if (v.name() == name) return v;
        throw error(AIP_E_PARAM, "the stage has no parameter '" + std::string(name) + "'");
    }

  private:
    std::vector<param_value> values_;
};

/// What a stage of the host's does with a batch: `out` starts as `in`, with all its columns. Called from many threads at once, and once with
/// a batch of no rows, which tells the columns that come out; these must not depend on the rows. It keeps rows.
using stage_function = std::function<void(const params &, const batch &in, batch &out)>;

namespace detail {

/// A stage of the host's in the catalogue: lives as long as the context's memory.
struct stage_definition {
    std::string name, doc;
    std::vector<param> known;
    std::vector<aip_param_spec> specs;
    stage_function fn;
    host_ptr host;
};
struct stage_self { // a stage made with parameters
    const stage_definition *of;
    params given;
};
struct stage_bound { // made ready for a schema
    const stage_self *self;
    schema out;
};

/// One run of the lambda.
inline batch run_stage(const stage_self &self, const batch &in) {
    batch out = in;
    self.of->fn(self.given, in, out);
    if (out.size() != in.size())
        throw error(AIP_E_MISUSE,
                    "a stage keeps rows: " + std::to_string(in.size()) + " came in, " + std::to_string(out.size()) + " went out");
    return out;
}
inline std::int32_t stage_create(aip_context *, void *user, const aip_params *given, const aip_input *, std::int32_t, void **self,
                                 aip_error **err) noexcept {
    const auto *of = static_cast<const stage_definition *>(user);
    return guard(of->host, err, [&] { *self = new stage_self{of, params(given, of->known)}; });
}
inline void stage_destroy(void *self) noexcept { delete static_cast<stage_self *>(self); }
inline std::int32_t stage_bind(const void *self, const void *, const aip_schema *in, void **bound, aip_schema **out,
                               aip_error **err) noexcept {
    const auto *s = static_cast<const stage_self *>(self);
    return guard(s->of->host, err, [&] {
        const std::int32_t n = aip_schema_n_fields(in);
        std::vector<aip_column_view> views(static_cast<std::size_t>(n), aip_column_view AIP_COLUMN_VIEW_INIT);
        const std::int32_t no_text = 0;
        for (std::int32_t i = 0; i < n; i++) {
            aip_column_view &v = views[static_cast<std::size_t>(i)];
            v.type = aip_schema_field(in, i)->type;
            v.offsets = v.dictionary_offsets = &no_text;
        }
        aip_batch *none = nullptr;
        aip_error *why = nullptr;
        check(aip_batch_create(in, views.data(), n, &none, &why), why, s->of->host);
        auto made = std::make_unique<stage_bound>(stage_bound{s, run_stage(*s, batch(none, s->of->host)).schema()});
        *out = schema(made->out).release();
        *bound = made.release();
    });
}
inline void stage_unbind(void *bound) noexcept { delete static_cast<stage_bound *>(bound); }
inline std::int32_t stage_apply(const void *bound, const aip_batch *in, aip_batch **out, aip_error **err) noexcept {
    const auto *b = static_cast<const stage_bound *>(bound);
    const host_ptr &h = b->self->of->host;
    return guard(h, err, [&] {
        *out = run_stage(*b->self, retained<batch>(const_cast<aip_batch *>(in), aip_batch_retain, h))
                   .release(); // its count alone changes
    });
}
inline const aip_stage_ops *stage_functions() noexcept {
    static const aip_stage_ops ops = [] {
        aip_stage_ops o{};
        o.struct_size = sizeof o;
        o.create = stage_create;
        o.destroy = stage_destroy;
        o.bind = stage_bind;
        o.unbind = stage_unbind;
        o.apply = stage_apply;
        return o;
    }();
    return &ops;
}
inline void define_stage(const host_ptr &h, std::string name, std::string doc, std::vector<param> known, stage_function fn) {
    auto made = std::make_unique<stage_definition>(
        stage_definition{std::move(name), std::move(doc), std::move(known), {}, std::move(fn), h});
    for (const param &p : made->known) made->specs.push_back(p.spec());
    aip_descriptor d = AIP_DESCRIPTOR_INIT;
    d.kind = AIP_KIND_STAGE;
    d.name = made->name.c_str();
    d.doc = made->doc.c_str();
    d.params = made->specs.data();
    d.n_params = static_cast<std::int32_t>(made->specs.size());
    d.ops = stage_functions();
    d.rows = AIP_ROWS_SAME;
    d.user = made.get();
    d.destroy = [](void *user) { delete static_cast<stage_definition *>(user); };
    aip_error *err = nullptr;
    const std::int32_t status = aip_catalog_register(h ? h->ctx : nullptr, &d, &err);
    check(status, err, h);
    made.release(); // the catalogue's from here on
}

} // namespace detail
} // namespace v1
} // namespace aip

#endif
