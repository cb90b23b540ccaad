// Stages, pipelines and models, and stages that lambdas make. References: scikit-learn's StandardScaler by hand (mean 2, population standard
// deviation sqrt(2/3)), std::log1p.
#include "check.hpp"

#include <atomic>
#include <cmath>
#include <stdexcept>
#include <thread>

namespace {

aip::context inline_context() { return aip::context(aip::options{}.threads(1)); }

void define_log_km(const aip::context &ctx) {
    ctx.define_stage("log_km", "ln(1 + kilometres), from miles", {{"column", aip::type::utf8}},
                     [](const aip::params &p, const aip::batch &in, aip::batch &out) {
                         out.derive("log_km", in.column<double>(p["column"]),
                                    [](double miles) { return std::log1p(1.609344 * miles); });
                     });
}

} // namespace

TEST(a_scaler_learns_and_a_pipeline_is_stages_in_a_row) {
    const aip::context ctx = inline_context();
    const aip::dataset d = ctx.from_columns({{"x", std::vector<double>{1, 2, 3}}, {"n", std::vector<std::int64_t>{10, 20, 30}}});
    const aip::stage scale = ctx.stage("standard_scaler", {{"columns", {"x"}}});
    CHECK(scale.name() == "standard_scaler" && !scale.fitted());
    FAILS(d.transform(scale), AIP_E_STATE, "standard_scaler");
    const aip::stage fitted = scale.fit(d);
    CHECK(fitted.fitted() && !scale.fitted());
    CHECK(std::abs(*d.transform(fitted).values<double>("x")[2] - std::sqrt(1.5)) < 1e-15);
    const aip::stage both = ctx.stage("derive", {{"m", "n * 2"}}) | scale | ctx.stage("drop", {{"columns", {"n"}}});
    CHECK_EQ(both.name(), "pipeline");
    const aip::stage all = both.fit(d);
    CHECK_EQ(all.output_schema(d.schema()).size(), 2);
    const aip::dataset seen = d.transform(all);
    CHECK(std::abs(*seen.values<double>("x")[0] + std::sqrt(1.5)) < 1e-15 && *seen.values<std::int64_t>("m")[1] == 40);
    CHECK_EQ(ctx.pipeline({scale, both}).fit(d).fitted(), true);
    d.each([&](const aip::batch &b) { CHECK_EQ(*all.apply(b).column<std::int64_t>("m")[2], 60); });
    FAILS(ctx.stage("standard_scalar"), AIP_E_NOT_FOUND, "did you mean 'standard_scaler'");
    FAILS(ctx.stage("derive", {{"m", "n *"}}).output_schema(d.schema()), AIP_E_SYNTAX, "");
}

TEST(a_stage_takes_datasets_by_name) {
    const aip::context ctx = inline_context();
    const aip::dataset left = ctx.from_columns({{"k", std::vector<std::string>{"a", "b"}}});
    const aip::dataset right = ctx.from_columns({{"k", std::vector<std::string>{"b", "a"}}, {"v", std::vector<double>{2, 1}}});
    const aip::stage join = ctx.stage("join", {{"on", "k"}, {"how", "left"}, {"validate", "m:1"}}, {{"with", right}});
    const auto v = left.transform(join).values<double>("v");
    CHECK(*v[0] == 1 && *v[1] == 2);
}

TEST(a_lambda_is_a_stage_beside_the_built_ins) {
    const aip::context ctx(aip::options{}.threads(2));
    define_log_km(ctx);
    std::vector<std::optional<double>> miles(150000, 1000.0);
    miles[70000] = std::nullopt;
    const aip::dataset d = ctx.from_columns({{"miles", miles}});
    const aip::stage s = ctx.stage("log_km", {{"column", "miles"}});
    CHECK(s.fitted() && s.name() == "log_km");
    const aip::schema out = s.output_schema(d.schema());
    CHECK(out.size() == 2 && out[1].name == "log_km" && out[1].type == aip::type::float64);
    const auto km = d.transform(s).values<double>("log_km");
    CHECK(km.size() == 150000 && *km[0] == std::log1p(1609.344) && !km[70000] && *km[149999] == *km[0]);
    FAILS(s.output_schema(ctx.schema({{"other", aip::type::float64}})), AIP_E_SCHEMA, "no column 'miles'");
    FAILS(ctx.stage("log_km"), AIP_E_PARAM, "column");
    FAILS(ctx.stage("log_km", {{"colum", "x"}}), AIP_E_PARAM, "column");
    FAILS(define_log_km(ctx), AIP_E_PARAM, "already registered");
    FAILS(ctx.define_stage("Bad Name", "", {}, [](const aip::params &, const aip::batch &, aip::batch &) {}), AIP_E_MISUSE,
          "snake_case");
    CHECK(ctx.catalog("log_km").find("ln(1 + kilometres), from miles") != std::string::npos);
}

TEST(a_stage_reads_its_parameters) {
    const aip::context ctx = inline_context();
    ctx.define_stage(
        "probe", "all kinds of parameters",
        {aip::param("b", aip::type::boolean).otherwise(true), aip::param("i", aip::type::int64).otherwise(7).between(0, 9),
         aip::param("f", aip::type::float64).doc("a number"), aip::param("s", aip::type::utf8).otherwise(nullptr),
         aip::param("c", aip::type::utf8).choices("x|y").otherwise("y"),
         aip::param("l", AIP_PARAM_STRINGS).otherwise(aip::json::array({})),
         aip::param("o", AIP_PARAM_OBJECT).otherwise({{"k", 1}}), aip::param("t", AIP_PARAM_DURATION).otherwise("2m")},
        [](const aip::params &p, const aip::batch &in, aip::batch &out) {
            CHECK(p["b"].as<bool>() && p["i"].as<int>() == 7 && p["f"].as<double>() == 0.5 && p["s"].is_null());
            CHECK(p["c"].as<std::string>() == "y" && p["o"].json() == R"({"k":1})" && p["t"].as<double>() == 120);
            CHECK_EQ(p["l"].as<std::vector<std::string>>().size(), 2u);
            FAILS(p["q"], AIP_E_PARAM, "no parameter 'q'");
            out.derive("y", in.column<double>("x"), [](double x) { return x; });
        });
    const aip::dataset d = ctx.from_columns({{"x", std::vector<double>{1}}});
    CHECK_EQ(d.transform(ctx.stage("probe", {{"f", 0.5}, {"l", {"u", "v"}}})).count(), 1);
    FAILS(ctx.stage("probe", {{"f", 0.5}, {"i", 10}}), AIP_E_PARAM, "i");
    FAILS(ctx.stage("probe", {{"f", 0.5}, {"c", "z"}}), AIP_E_PARAM, "c");
    FAILS(aip::param("p", aip::type::binary), AIP_E_MISUSE, "binary");
}

TEST(what_a_stage_throws_comes_to_the_caller) {
    const aip::context ctx(aip::options{}.threads(2));
    ctx.define_stage("thrower", "throws", {{"what", aip::type::utf8}},
                     [](const aip::params &p, const aip::batch &in, aip::batch &out) {
                         const auto what = p["what"].as<std::string>();
                         if (what == "bind") throw std::domain_error("in bind");
                         out.derive("y", in.column<double>("x"), [&](double x) {
                             if (what == "ours") throw aip::error(AIP_E_DATA, "a bad value");
                             if (what == "own") throw aip::error(77, "the host's");
                             if (what == "std") throw std::domain_error("in apply");
                             return x;
                         });
                         if (what == "rows") out = in.schema().size() > 0 && in.size() > 0 ? aip::batch() : in;
                         if (what == "columns" && in.size() > 0) out.drop("x");
                     });
    const aip::dataset d = ctx.from_columns({{"x", std::vector<double>(200000, 1.0)}});
    const auto with = [&](const char *what) { return ctx.stage("thrower", {{"what", what}}); };
    FAILS(d.transform(with("ours")).collect(), AIP_E_DATA, "stage 'thrower': a bad value");
    FAILS(d.transform(with("own")).collect(), 77, "the host's");
    int caught = 0;
    for (const char *what : {"std", "bind"}) {
        for (int k = 0; k < 100; k++) { // more than are kept
            try {
                d.transform(with(what)).collect();
            } catch (const std::domain_error &e) {
                caught += std::string(e.what()) == (std::string(what) == "std" ? "in apply" : "in bind");
            }
        }
    }
    CHECK_EQ(caught, 200);
    FAILS(d.transform(with("rows")).collect(), AIP_E_MISUSE, "a stage keeps rows: 65536 came in, 0 went out");
    FAILS(d.transform(with("columns")).collect(), AIP_E_MISUSE, "than bind announced");
    CHECK_EQ(d.transform(with("nothing")).count(), 200000);
}

TEST(a_stage_outlives_its_context_and_its_closure_goes_with_the_last_handle) {
    const auto alive = std::make_shared<int>(1);
    aip::stage left;
    {
        const aip::context ctx = inline_context();
        ctx.define_stage("holds", "holds something", {}, [alive](const aip::params &, const aip::batch &, aip::batch &) {});
        left = ctx.stage("holds");
    }
    CHECK_EQ(alive.use_count(), 2);
    left = aip::stage();
    CHECK_EQ(alive.use_count(), 1);
}

TEST(a_model_learns_and_predicts) {
    const aip::context ctx = inline_context();
    std::vector<double> x;
    std::vector<bool> y;
    for (int i = 0; i < 100; i++) x.push_back(i % 10), y.push_back(i % 10 > 4);
    const aip::dataset d = ctx.from_columns({{"x", x}, {"y", y}});
    const aip::model m = ctx.model("logistic_regression", {{"C", 0.5}});
    CHECK(m.name() == "logistic_regression" && !m.fitted());
    FAILS(m.predict(d), AIP_E_STATE, "");
    FAILS(m.fit(d, "z"), AIP_E_SCHEMA, "z");
    const aip::model fitted = m.fit(d, "y");
    CHECK(fitted.fitted() && fitted.describe().find("\"x\"") != std::string::npos);
    const aip::dataset predicted = fitted.predict(d);
    const auto p = predicted.values<double>("probability");
    CHECK(*p[0] < 0.1 && *p[9] > 0.9);
    CHECK_EQ(predicted.evaluate("y", {"accuracy"}), R"({"accuracy":1})");
    FAILS(ctx.model("logistic_regression", {{"C", -1}}), AIP_E_PARAM, "C");
    FAILS(ctx.model("linear"), AIP_E_NOT_FOUND, "linear");
}
