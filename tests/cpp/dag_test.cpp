// DAGs and runs: operators and lambdas as tasks, events, polling, failures, cancellation.
#include "check.hpp"

#include <atomic>
#include <fstream>
#include <set>
#include <thread>

namespace {

aip::dataset ten(const aip::context &ctx) {
    std::vector<double> x;
    std::vector<bool> y;
    for (int i = 0; i < 100; i++) x.push_back(i % 10), y.push_back(i % 10 > 4);
    return ctx.from_columns({{"x", x}, {"y", y}});
}

} // namespace

TEST(tasks_hand_on_datasets_and_packages) {
    const aip::context ctx(aip::options{}.threads(2));
    aip::dag dag = ctx.dag("train");
    dag.add("data", [&](aip::task &t) {
        t.set(ten(ctx));
        t.set("small", ten(ctx).head(3, t.options()));
    });
    dag.add("model",
            [&](aip::task &t) { t.set(ctx.fit({}, ctx.model("logistic_regression"), t.dataset("data"), "y", t.options())); },
            {"data"});
    dag.add("twice", {{"from", "data"}, {"transform", {{{"derive", {{"z", "x * 2"}}}}}}});
    dag.add("count", [](aip::task &t) {
        t.log(aip::level::info, std::to_string(t.dataset("twice").count(t.options())));
        t.set("copy", t.package("model"));
        t.set(t.dataset("data.small"));
    });
    dag.add_dependency("twice", "count").add_dependency("model", "count");
    dag.check();
    CHECK(dag.describe().find("\"twice\"") != std::string::npos);
    aip::run run = dag.start();
    run.wait();
    CHECK(run.done() && run.state() == aip::run_state::success);
    run.result();
    CHECK_EQ(*run.dataset("twice").values<double>("z")[9], 18.0);
    CHECK_EQ(run.dataset("count").count(), 3);
    CHECK(run.package("model").bytes() == run.package("count.copy").bytes());
    CHECK(run.report().find("success") != std::string::npos);
    FAILS(run.dataset("model"), AIP_E_NOT_FOUND, "'model' has no dataset");
    FAILS(run.package("data"), AIP_E_NOT_FOUND, "'data' has no package");
}

TEST(a_dag_file_takes_parameters_and_its_errors_have_lines) {
    const aip::context ctx(aip::options{}.threads(1));
    std::ofstream(check::temporary("d.csv")) << "x\n1\n2\n";
    const std::string text = "dag: d\nparams: {file: {default: none.csv}}\ntasks:\n  a: {read: {path: \"${params.file}\"}}\n";
    const std::string path = check::temporary("d.yaml");
    std::ofstream(path) << text;
    aip::run run = ctx.load_dag(path).start({{"file", "d.csv"}});
    run.wait();
    CHECK_EQ(run.dataset("a").count(), 2);
    FAILS(ctx.load_dag(path).start().wait(), AIP_E_NOT_FOUND, "none.csv");
    FAILS(ctx.load_dag(path).start({{"fil", "d.csv"}}), AIP_E_PARAM, "file");
    FAILS(ctx.load_dag(check::temporary("none.yaml")), AIP_E_NOT_FOUND, "none.yaml");
    ctx.parse_dag(text, check::temporary("")).start({{"file", "d.csv"}}).wait();
    FAILS(ctx.parse_dag("dag: [\n"), AIP_E_SYNTAX, "");
    aip::dag dag = ctx.dag("d");
    FAILS(dag.add("a", {{"reed", {{"path", "x"}}}}), AIP_E_PARAM, "read");
    dag.add("a", [](aip::task &) {});
    FAILS(dag.add("a", [](aip::task &) {}), AIP_E_PARAM, "a");
    FAILS(dag.add("b", [](aip::task &) {}, {"c"}), AIP_E_PARAM, "c");
    FAILS(dag.add_dependency("a", "c"), AIP_E_PARAM, "c");
    dag.add_dependency("a", "a");
    FAILS(dag.check(), AIP_E_PARAM, "a -> a");
    FAILS(dag.start(), AIP_E_PARAM, "a -> a");
}

TEST(events_come_where_the_run_is_polled) {
    const aip::context ctx(aip::options{}.threads(1));
    aip::dag dag = ctx.dag("d");
    dag.add("a", [](aip::task &) {}).add("b", [](aip::task &) { throw aip::error(AIP_E_DATA, "bad b"); }, {"a"});
    aip::run run = dag.start();
    std::vector<std::string> seen;
    std::set<std::thread::id> threads;
    run.on_task([&](const aip::task_event &e) {
        if (!e.phase.empty()) return;
        threads.insert(std::this_thread::get_id());
        seen.push_back(std::string(e.task) + " " + std::string(e.state)
                       + (e.failure.empty() ? "" : ": " + std::string(e.failure)));
        CHECK(aip::name_of(e.code) == e.state && e.elapsed.count() >= 0);
    });
    aip::run moved = std::move(run); // the listener moves with it
    CHECK(!moved.done());
    for (int i = 0; i < 10000 && !moved.done(); i++) CHECK(!moved.poll(aip::clock::now(), std::chrono::milliseconds(10)));
    CHECK(moved.done() && moved.state() == aip::run_state::failed);
    CHECK(threads.size() == 1 && *threads.begin() == std::this_thread::get_id());
    CHECK_EQ(seen.back(), "b failed: task 'b': bad b");
    try {
        moved.result();
        CHECK(false);
    } catch (const aip::error &e) {
        CHECK_EQ(e.status(), AIP_E_DATA);
        CHECK_EQ(e.task(), "b");
        CHECK_EQ(std::string(e.what()), "bad b");
        CHECK_EQ(e.where(), "task 'b'");
    }
}

TEST(what_a_task_or_a_listener_throws_comes_to_the_waiting_thread) {
    const aip::context ctx(aip::options{}.threads(2));
    aip::dag dag = ctx.dag("d");
    dag.add("a", [](aip::task &) { throw std::length_error("as thrown"); });
    aip::run run = dag.start();
    for (int i = 0; i < 2; i++) { // wait, then result: the same
        bool thrown = false;
        try {
            i == 0 ? run.wait() : run.result();
        } catch (const std::length_error &e) { thrown = std::string(e.what()) == "as thrown"; }
        CHECK(thrown);
    }
    aip::dag fine = ctx.dag("d");
    std::atomic<int> ran{0};
    fine.add("a", [&](aip::task &) { ran++; }).add("b", [&](aip::task &) { ran++; }, {"a"});
    aip::run heard = fine.start();
    int told = 0;
    heard.on_task([&](const aip::task_event &) {
        told++;
        throw std::length_error("listener");
    });
    bool thrown = false;
    try {
        heard.wait();
    } catch (const std::length_error &e) { thrown = std::string(e.what()) == "listener"; }
    CHECK(thrown && ran == 2 && told == 1); // the run itself went on to its end
    heard.result();
    FAILS(ctx.dag("d").add("a", [](aip::task &t) { t.dataset("none"); }).start().wait(), AIP_E_NOT_FOUND,
          "'none' made no dataset");
}

TEST(an_error_of_the_library_keeps_its_place_through_a_task) {
    const aip::context ctx(aip::options{}.threads(1));
    const std::string path = check::temporary("bad.csv");
    std::ofstream(path) << "x\n1\noops\n";
    aip::dag dag = ctx.dag("d");
    dag.add("reads", [&](aip::task &t) { ctx.read_csv(path, {{"types", {{"x", "int64"}}}}).count(t.options()); });
    try {
        dag.start().wait();
        CHECK(false);
    } catch (const aip::error &e) {
        CHECK_EQ(e.status(), AIP_E_DATA);
        CHECK_EQ(e.source(), path);
        CHECK_EQ(e.line(), 3);
        CHECK_EQ(e.data_column(), "x");
        CHECK_EQ(e.task(), "reads");
    }
}

TEST(a_run_is_cancelled_by_hand_and_by_its_end) {
    const aip::context ctx(aip::options{}.threads(2));
    const aip::dataset data = ctx.from_columns({{"x", std::vector<double>(400000, 1.0)}});
    std::atomic<bool> started{false};
    const auto alive = std::make_shared<int>(1);
    {
        aip::dag dag = ctx.dag("d");
        dag.add("slow", [&, alive](aip::task &t) {
            data.each(
                [&](const aip::batch &) {
                    started = true;
                    std::this_thread::sleep_for(std::chrono::milliseconds(20));
                },
                t.options());
        });
        aip::run run = dag.start();
        std::thread other([&] {
            while (!started) std::this_thread::yield();
            run.cancel();
        });
        FAILS(run.wait(), AIP_E_CANCELLED, "");
        other.join();
        const aip::run dropped = dag.start(); // destroyed before its end
    }
    CHECK_EQ(alive.use_count(), 1);
}

TEST(closing_the_context_ends_its_runs) {
    auto ctx = std::make_unique<aip::context>(aip::options{}.threads(2));
    aip::dag dag = ctx->dag("d");
    dag.add("a", [](aip::task &) {});
    aip::run run = dag.start();
    run.wait();
    const aip::dataset left = ctx->from_columns({{"x", std::vector<double>{1}}});
    ctx->close();
    FAILS(dag.start().wait(), AIP_E_STATE, "");
    ctx.reset();
    run.cancel();
    CHECK_EQ(left.schema().size(), 1);
}
