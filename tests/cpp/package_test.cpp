// Packages and scorers. Reference for the score of a row: what predict gives for the same row in a dataset.
#include "check.hpp"

#include <atomic>
#include <cmath>
#include <thread>

namespace {

struct place {
    std::int32_t hour;
};
struct flight : place {
    double distance;
    float delay;
    std::int64_t seats;
    bool weekend;
    const char *carrier;
};

const char *const carriers[] = {"AA", "DL", "UA"};

std::vector<flight> flights(int n) {
    std::vector<flight> all;
    for (int i = 0; i < n; i++)
        all.push_back(
            flight{{i * 7 % 24}, 100.0 + i * 37 % 900, static_cast<float>(i * 13 % 50), 100 + i % 5, i % 7 > 4, carriers[i % 3]});
    return all;
}
std::vector<bool> late(const std::vector<flight> &rows) {
    std::vector<bool> y;
    for (const flight &f : rows) y.push_back(f.delay + static_cast<float>(f.hour) > 30);
    return y;
}
aip::dataset table(const aip::context &ctx, const std::vector<flight> &rows) {
    const std::vector<bool> y = late(rows);
    std::vector<aip::column_data> columns;
    return ctx
        .from_rows(rows, {{"hour", &flight::hour},
                          {"distance", &flight::distance},
                          {"delay", &flight::delay},
                          {"seats", &flight::seats},
                          {"weekend", &flight::weekend},
                          {"carrier", &flight::carrier}})
        .transform(ctx.stage("derive", {{"late", "delay + hour > 30"}}));
}
aip::stage pipeline(const aip::context &ctx) {
    return ctx.stage("simple_imputer", {{"columns", "numeric"}, {"strategy", "median"}})
           | ctx.stage("standard_scaler", {{"columns", "numeric"}})
           | ctx.stage("one_hot_encoder", {{"columns", "text"}, {"handle_unknown", "error"}});
}
aip::package fitted(const aip::context &ctx) {
    return (pipeline(ctx) | ctx.model("logistic_regression")).fit(table(ctx, flights(500)), "late");
}
using members = std::initializer_list<aip::member<flight>>;
aip::scorer<flight> scorer_of(const aip::package &p, aip::output wanted = aip::output::probability) {
    return aip::scorer<flight>(p,
                               {{"hour", &flight::hour},
                                {"distance", &flight::distance},
                                {"delay", &flight::delay},
                                {"seats", &flight::seats},
                                {"weekend", &flight::weekend},
                                {"carrier", &flight::carrier}},
                               wanted);
}

} // namespace

TEST(a_package_is_fitted_measured_saved_and_read_back) {
    const aip::context ctx(aip::options{}.threads(1));
    const aip::dataset data = table(ctx, flights(500));
    const aip::package p = fitted(ctx);
    CHECK(p.describe().find("\"late\"") != std::string::npos);
    const std::string metrics = p.evaluate(data, {"roc_auc"});
    CHECK(metrics.find("roc_auc") != std::string::npos);
    const aip::package measured = p.with_metrics(aip::json::raw(metrics));
    CHECK(measured.describe().find("roc_auc") != std::string::npos && p.describe().find("roc_auc") == std::string::npos);
    const std::string path = check::temporary("p.aip");
    measured.save(path);
    const aip::package again = ctx.load_package(path);
    CHECK(again.bytes() == measured.bytes());
    CHECK(ctx.package_from_bytes(p.bytes()).bytes() == p.bytes());
    CHECK(ctx.fit(pipeline(ctx), ctx.model("logistic_regression"), data, "late").bytes() == p.bytes());
    std::string broken = p.bytes();
    broken[broken.size() / 2] = static_cast<char>(broken[broken.size() / 2] ^ 1);
    FAILS(ctx.package_from_bytes(broken), AIP_E_CORRUPT, "");
    FAILS(ctx.load_package(check::temporary("none.aip")), AIP_E_NOT_FOUND, "none.aip");
    FAILS(ctx.fit(ctx.stage("filter", {{"where", "hour > 3"}}), ctx.model("logistic_regression"), data, "late"), AIP_E_PARAM,
          "filter");
    FAILS(p.predict(ctx.from_columns({{"hour", std::vector<std::int32_t>{1}}})), AIP_E_SCHEMA, "distance");
}

TEST(a_package_is_taken_apart_and_put_together) {
    const aip::context ctx(aip::options{}.threads(1));
    const aip::dataset data = table(ctx, flights(500));
    const aip::package p = fitted(ctx);
    const aip::stage parts = p.pipeline();
    CHECK(parts.size() == 3 && parts[1].name() == "standard_scaler" && parts[1].fitted());
    CHECK(parts[1].describe().find("mean") != std::string::npos);
    FAILS(parts[3], AIP_E_MISUSE, "stage 3 of 3");
    CHECK_EQ(p.inputs().size(), 6);
    CHECK_EQ(p.model().name(), "logistic_regression");
    const auto distance = p.transform(data).values<double>("distance");
    CHECK_EQ(*distance[0], *data.transform(parts).values<double>("distance")[0]);
    const aip::package again = ctx.package_of(parts, p.model(), data.schema());
    const auto expected = p.predict(data).values<double>("probability"),
               found = again.predict(data).values<double>("probability");
    CHECK(expected == found);
    const aip::package half = ctx.package_of(parts, {}, data.schema());
    CHECK(!half.model());
    FAILS(half.predict(data), AIP_E_STATE, "");
}

TEST(a_scorer_gives_what_predict_gives) {
    const aip::context ctx(aip::options{}.threads(1));
    const aip::package p = fitted(ctx);
    std::vector<flight> rows = flights(200);
    rows[3].distance = std::nan(""); // missing, as in the table
    rows[4].delay = std::nanf("");
    const auto expected = p.predict(table(ctx, rows)).values<double>("probability");
    aip::scorer<flight> score = scorer_of(p);
    const std::vector<double> all = score.run(rows);
    for (std::size_t i = 0; i < rows.size(); i++) {
        CHECK_EQ(all[i], *expected[i]);
        CHECK_EQ(score(rows[i]), *expected[i]);
    }
    aip::scorer<flight> predict = scorer_of(p, aip::output::prediction);
    CHECK_EQ(predict(rows[0]), all[0] > 0.5 ? 1.0 : 0.0);
    aip::scorer<flight> moved = std::move(score);
    CHECK_EQ(moved(rows[0]), all[0]);
}

TEST(a_row_that_cannot_be_scored_is_nan_and_says_why) {
    const aip::context ctx(aip::options{}.threads(1));
    aip::scorer<flight> score = scorer_of(fitted(ctx));
    flight f = flights(1)[0];
    CHECK(score.failure().empty());
    f.carrier = "ZZ";
    CHECK(std::isnan(score(f)));
    CHECK(score.failure().find("ZZ") != std::string_view::npos);
    FAILS(score.run(std::vector<flight>{f}), AIP_E_DATA, "ZZ");
    f.carrier = "AA";
    CHECK(!std::isnan(score(f)));
    static_assert(noexcept(score(f)), "the hot loop has no exceptions");
}

TEST(a_scorer_is_bound_when_it_is_made) {
    const aip::context ctx(aip::options{}.threads(1));
    const aip::package p = fitted(ctx);
    FAILS(aip::scorer<flight>(p, members{{"hour", &flight::hour}}), AIP_E_STATE, "is not bound");
    FAILS(aip::scorer<flight>(p, members{{"ours", &flight::hour}}), AIP_E_SCHEMA, "ours");
    FAILS(aip::scorer<flight>(p, members{{"carrier", &flight::hour}}), AIP_E_SCHEMA, "expected utf8, found int32");
    FAILS(aip::scorer<flight>(aip::package(), members{}), AIP_E_MISUSE, "");
    const aip::member<flight> hour("hour", &flight::hour), distance("distance", &flight::distance);
    CHECK_EQ(hour.offset(), 0u); // of the base
    CHECK_EQ(distance.offset(), 8u);
    CHECK(hour.type() == aip::type::int32 && distance.column() == "distance");
}

TEST(scoring_takes_no_memory_unless_it_says_what_does) {
    struct counting final : std::pmr::memory_resource {
        std::atomic<long> calls{0};
        void *do_allocate(std::size_t n, std::size_t align) override {
            return ++calls, std::pmr::new_delete_resource()->allocate(n, align);
        }
        void do_deallocate(void *p, std::size_t n, std::size_t align) override {
            ++calls;
            std::pmr::new_delete_resource()->deallocate(p, n, align);
        }
        bool do_is_equal(const memory_resource &other) const noexcept override { return this == &other; }
    } heap;
    const aip::context ctx(aip::options{}.memory(heap).threads(1));
    const std::vector<flight> rows = flights(300);
    aip::scorer<flight> score = scorer_of(fitted(ctx));
    CHECK(score.by_batches().empty());
    const long before = heap.calls;
    double sum = 0;
    for (const flight &f : rows) sum += score(f);
    CHECK(heap.calls == before && sum > 0);
    ctx.define_stage("ours", "the host's own", {}, [](const aip::params &, const aip::batch &in, aip::batch &out) {
        out.derive("far", in.column<double>("distance"), [](double d) { return d > 500; });
    });
    const aip::package p =
        ((ctx.stage("ours") | pipeline(ctx)) | ctx.model("logistic_regression")).fit(table(ctx, flights(500)), "late");
    aip::scorer<flight> slow = scorer_of(p);
    CHECK(slow.by_batches().find("ours") != std::string::npos);
    CHECK_EQ(slow(rows[0]), *p.predict(table(ctx, rows)).values<double>("probability")[0]);
}

TEST(each_thread_has_a_scorer_of_one_package) {
    const aip::context ctx(aip::options{}.threads(1));
    const aip::package p = fitted(ctx);
    const std::vector<flight> rows = flights(300);
    aip::scorer<flight> here = scorer_of(p);
    const std::vector<double> expected = here.run(rows);
    std::atomic<int> equal{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; t++)
        threads.emplace_back([&] {
            aip::scorer<flight> mine = scorer_of(p);
            for (std::size_t i = 0; i < rows.size(); i++) equal += mine(rows[i]) == expected[i];
        });
    for (std::thread &t : threads) t.join();
    CHECK_EQ(equal, 4 * 300);
}

TEST(a_scorer_outlives_everything_that_it_was_made_from) {
    std::optional<aip::scorer<flight>> score;
    double expected = 0;
    {
        const aip::context ctx(aip::options{}.threads(1));
        const aip::package p = fitted(ctx);
        expected = scorer_of(p)(flights(1)[0]);
        score.emplace(scorer_of(p));
    }
    score.reset();
    CHECK(expected > 0 && expected < 1);
}
