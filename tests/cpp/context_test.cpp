// Contexts, memory, executors, log, errors and the JSON that parameters are written in.
#include "check.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <limits>
#include <thread>

namespace {

struct counting_heap final : std::pmr::memory_resource {
    std::atomic<long> calls{0}, bytes{0};
    std::atomic<long> left{std::numeric_limits<long>::max()}; // so many allocations succeed
    void *do_allocate(std::size_t n, std::size_t align) override {
        if (left.fetch_sub(1) <= 0) throw std::bad_alloc();
        ++calls;
        bytes += static_cast<long>(n);
        return std::pmr::new_delete_resource()->allocate(n, align);
    }
    void do_deallocate(void *p, std::size_t n, std::size_t align) override {
        bytes -= static_cast<long>(n);
        std::pmr::new_delete_resource()->deallocate(p, n, align);
    }
    bool do_is_equal(const memory_resource &other) const noexcept override { return this == &other; }
};

// The executor that a host has: threads, a queue, and a mutex.
struct pool final : aip::executor {
    explicit pool(int n) {
        for (int i = 0; i < n; i++) threads.emplace_back([this] { work(); });
    }
    ~pool() override {
        {
            const std::lock_guard<std::mutex> held(lock);
            stopping = true;
        }
        changed.notify_all();
        for (std::thread &t : threads) t.join();
    }
    bool submit(aip::job job) noexcept override {
        submitted++;
        if (refuse) return false;
        const std::lock_guard<std::mutex> held(lock);
        queue.push_back(std::move(job));
        changed.notify_one();
        return true;
    }
    int concurrency() const noexcept override { return static_cast<int>(threads.size()) + 1; }
    void shutdown() noexcept override { shutdowns++; }
    void work() {
        std::unique_lock<std::mutex> held(lock);
        for (;;) {
            changed.wait(held, [this] { return stopping || !queue.empty(); });
            if (queue.empty()) return;
            aip::job job = std::move(queue.front());
            queue.pop_front();
            held.unlock();
            if (!drop) job.run();
            ran++;
            job = aip::job(); // given back here, run or not
            held.lock();
        }
    }
    std::mutex lock;
    std::condition_variable changed;
    std::deque<aip::job> queue;
    std::vector<std::thread> threads;
    std::atomic<int> submitted{0}, ran{0}, shutdowns{0};
    std::atomic<bool> refuse{false}, drop{false};
    bool stopping = false;
};

std::vector<double> numbers(int n) {
    std::vector<double> xs;
    for (int i = 0; i < n; i++) xs.push_back(i);
    return xs;
}

// Sum of 0.5 * i over n rows, through a stage of the host's on whatever executor the context has.
double halved_sum(const aip::context &ctx, int n) {
    const aip::dataset seen = ctx.from_columns({{"x", numbers(n)}}).transform(ctx.stage("halve"));
    double sum = 0;
    seen.each([&](const aip::batch &b) {
        for (const std::optional<double> h : b.column<double>("half")) sum += *h;
    });
    return sum;
}
void define_halve(const aip::context &ctx) {
    ctx.define_stage("halve", "half of x", {}, [](const aip::params &, const aip::batch &in, aip::batch &out) {
        out.derive("half", in.column<double>("x"), [](double x) { return x / 2; });
    });
}

} // namespace

TEST(braces_build_the_json_that_they_look_like) {
    const aip::json nested = {{"strategy", "median"}, {"columns", {"age", "fare"}}, {"add", true}, {"k", 3}, {"c", 0.5},
                              {"none", nullptr}};
    CHECK_EQ(nested.text(), R"({"strategy":"median","columns":["age","fare"],"add":true,"k":3,"c":0.5,"none":null})");
    CHECK_EQ(aip::json({{"a", {{"b", {{"c", 1}}}}}}).text(), R"({"a":{"b":{"c":1}}})");
    CHECK_EQ(aip::json({1, 2.5, "x"}).text(), R"([1,2.5,"x"])");
    CHECK_EQ(aip::json::array({{"a", 1}, {"b", 2}}).text(), R"([["a",1],["b",2]])");
    CHECK_EQ(aip::json::object({{"a,\"", aip::json::array({})}}).text(), R"({"a,\"":[]})");
    CHECK_EQ(aip::json(std::vector<std::string>{"a", "b"}).text(), R"(["a","b"])");
    CHECK_EQ(aip::json("a\"\\\n\x01\xc3\xa9").text(), "\"a\\\"\\\\\\u000a\\u0001\xc3\xa9\"");
    CHECK_EQ(aip::json(std::numeric_limits<double>::quiet_NaN()).text(), "\"NaN\"");
    CHECK_EQ(aip::json(-std::numeric_limits<double>::infinity()).text(), "\"-Infinity\"");
    CHECK_EQ(aip::json(0.1).text(), "0.1");
    CHECK_EQ(aip::json(std::numeric_limits<std::int64_t>::min()).text(), "-9223372036854775808");
    CHECK(aip::json().is_null() && aip::json().c_str() == nullptr);
    CHECK_EQ(aip::json().with("a", 1).with("b", "c").text(), R"({"a":1,"b":"c"})");
    FAILS(aip::json(3).with("a", 1), AIP_E_PARAM, "expected an object, found 3");
    FAILS(aip::json::object({1}), AIP_E_PARAM, "expected pairs");
}

TEST(an_error_says_what_and_where) {
    const aip::context ctx;
    try {
        ctx.parse_dag("dag: d\ntasks:\n  a: {reed: {path: x.csv}}\n");
        CHECK(false);
    } catch (const aip::error &e) {
        CHECK(e.status() < 0 && e.line() == 3);
        CHECK(std::string(e.what()).find("reed") != std::string::npos);
        CHECK(e.where().find("line:3:7") != std::string::npos && e.task() == "a");
        CHECK_EQ(e.text(), e.where() + ": " + e.what());
        const aip::error copy = e; // shares the C object
        CHECK(copy.get() == e.get());
    }
    try {
        ctx.stage("standard_scaler", {{"column", "x"}});
        CHECK(false);
    } catch (const aip::error &e) {
        CHECK_EQ(e.status_name(), "E_PARAM");
        CHECK_EQ(e.parameter(), "column");
        CHECK(e.source().empty() && e.task().empty() && e.offset() == -1);
    }
    const aip::error own(42, "the host's own");
    CHECK_EQ(own.status(), 42);
    CHECK_EQ(own.status_name(), "HOST");
    CHECK_EQ(std::string(own.what()), "the host's own");
    CHECK_EQ(own.where(), "");
    CHECK_EQ(aip::error(nullptr).status(), AIP_E_INTERNAL);
}

TEST(all_memory_comes_from_the_resource_and_goes_back_to_it) {
    counting_heap heap;
    {
        const aip::context ctx(aip::options{}.memory(heap, 64u << 20).threads(1));
        define_halve(ctx);
        CHECK_EQ(halved_sum(ctx, 1000), 1000 * 999 / 4.0);
        CHECK(heap.calls > 0 && ctx.memory_peak() > 0 && ctx.memory_used() <= ctx.memory_peak());
    }
    CHECK_EQ(heap.bytes, 0);
}

// libstdc++ 12's pools align to the size that they are asked for, not to the alignment: the sizes asked for are whole alignments.
TEST(a_pool_resource_gives_memory_that_is_aligned) {
    struct watching final : std::pmr::memory_resource {
        std::pmr::synchronized_pool_resource pool;
        std::atomic<long> asked{0}, crooked{0};
        void *do_allocate(std::size_t n, std::size_t align) override {
            void *p = pool.allocate(n, align);
            ++asked;
            if (reinterpret_cast<std::uintptr_t>(p) % align != 0) ++crooked;
            return p;
        }
        void do_deallocate(void *p, std::size_t n, std::size_t align) override { pool.deallocate(p, n, align); }
        bool do_is_equal(const memory_resource &other) const noexcept override { return this == &other; }
    } heap;
    {
        aip::context ctx{aip::options{}.memory(heap, 64u << 20)};
        for (int n = 1; n < 40; n++)
            ctx.parse_dag("dag: " + std::string(static_cast<std::size_t>(n), 'x') + "\ntasks:\n  a: {command: ls}");
    }
    CHECK(heap.asked > 40);
    CHECK(heap.crooked == 0);
}

TEST(a_bad_alloc_of_the_resource_is_a_refusal_and_nothing_leaks) {
    counting_heap heap;
    {
        const aip::context ctx(aip::options{}.memory(heap).threads(1));
        define_halve(ctx);
        int refused = 0;
        for (long n = 0;; n++) { // the n-th allocation fails, and all after it
            heap.left = n;
            try {
                CHECK_EQ(halved_sum(ctx, 300), 300 * 299 / 4.0);
                break;
            } catch (const aip::error &e) {
                CHECK_EQ(e.status(), AIP_E_NOMEM);
                refused++;
            }
        }
        CHECK(refused > 10);
        heap.left = std::numeric_limits<long>::max();
    }
    CHECK_EQ(heap.bytes, 0);
    heap.left = 3;
    FAILS(aip::context(aip::options{}.memory(heap)), AIP_E_NOMEM, "out of memory");
    CHECK_EQ(heap.bytes, 0);
}

TEST(the_memory_limit_is_an_error_of_its_own) {
    const aip::context ctx(aip::options{}.memory_limit(1u << 20).threads(1));
    FAILS(ctx.from_columns({{"x", numbers(1 << 18)}}), AIP_E_MEMORY_LIMIT, "memory limit of 1024 KiB");
}

TEST(jobs_run_on_the_hosts_threads_with_the_same_result) {
    const int n = 300000;
    const double expected = 0.25 * n * (n - 1);
    pool on(3);
    {
        const aip::context ctx(aip::options{}.executor(on));
        define_halve(ctx);
        CHECK_EQ(halved_sum(ctx, n), expected);
        CHECK(on.submitted > 0);
        on.refuse = true;
        const int before = on.submitted;
        CHECK_EQ(halved_sum(ctx, n), expected);
        CHECK(on.submitted > before);
        on.refuse = false;
        on.drop = true; // taken, and destroyed unrun: a waiting thread does the work
        CHECK_EQ(halved_sum(ctx, n), expected);
        on.drop = false;
    }
    CHECK_EQ(on.shutdowns, 1);
}

TEST(an_empty_job_does_nothing) {
    aip::job none;
    CHECK(!none);
    none.run();
    aip::job other = std::move(none);
    none = std::move(other);
    CHECK(!none);
}

TEST(the_log_is_a_callable_and_what_it_throws_comes_with_close) {
    std::vector<std::string> lines;
    std::mutex lock;
    aip::context ctx(aip::options{}.threads(1).log([&](aip::level l, std::string_view task, std::string_view message) {
        const std::lock_guard<std::mutex> held(lock);
        lines.push_back(std::string(aip::name_of(l)) + "|" + std::string(task) + "|" + std::string(message));
        if (message == "throw") throw std::runtime_error("log");
    }));
    aip::dag dag = ctx.dag("d");
    dag.add("a", [](aip::task &t) {
        t.log(aip::level::info, "hello");
        t.log(aip::level::warning, "throw");
    });
    dag.start().wait();
    CHECK_EQ(lines.size(), 2u);
    CHECK_EQ(lines[0], "info|a|hello");
    CHECK_EQ(lines[1], "warning|a|throw");
    bool thrown = false;
    try {
        ctx.close();
    } catch (const std::runtime_error &e) { thrown = std::string(e.what()) == "log"; }
    CHECK(thrown);
    ctx.close(); // again: nothing
}

TEST(handles_may_go_in_any_order) {
    // each permutation of what a program holds, from the context to the scorer's package
    std::vector<int> order = {0, 1, 2, 3, 4, 5, 6};
    int tried = 0;
    do {
        if (tried++ % 7 != 0) continue; // 720 of the 5040
        auto ctx = std::make_unique<aip::context>(aip::options{}.threads(1));
        auto data = std::make_unique<aip::dataset>(ctx->from_columns({{"x", numbers(40)}, {"y", std::vector<bool>(40, true)}}));
        auto schema = std::make_unique<aip::schema>(data->schema());
        auto stage = std::make_unique<aip::stage>(ctx->stage("standard_scaler", {{"columns", {"x"}}}).fit(*data));
        auto seen = std::make_unique<aip::dataset>(data->transform(*stage));
        auto model = std::make_unique<aip::model>(ctx->model("logistic_regression"));
        aip::batch kept;
        data->each([&](const aip::batch &b) { kept = b; });
        auto batch = std::make_unique<aip::batch>(std::move(kept));
        for (const int i : order) {
            if (i == 0) ctx.reset();
            if (i == 1) data.reset();
            if (i == 2) schema.reset();
            if (i == 3) stage.reset();
            if (i == 4) seen.reset();
            if (i == 5) model.reset();
            if (i == 6) batch.reset();
        }
    } while (std::next_permutation(order.begin(), order.end()));
    CHECK_EQ(tried, 5040);
}

TEST(empty_handles_are_misuse_and_not_a_crash) {
    const aip::dataset none;
    CHECK(!none);
    FAILS(none.count(), AIP_E_MISUSE, "");
    FAILS(none.each([](const aip::batch &) {}), AIP_E_MISUSE, "");
    FAILS(aip::stage().fit(none), AIP_E_MISUSE, "");
    FAILS(aip::model().fit(none, "y"), AIP_E_MISUSE, "");
    FAILS(aip::package().predict(none), AIP_E_MISUSE, "");
    FAILS(aip::stage() | aip::stage(), AIP_E_MISUSE, "");
    CHECK_EQ(aip::schema().size(), 0);
    CHECK_EQ(aip::batch().size(), 0);
    FAILS(aip::schema()[0], AIP_E_MISUSE, "field 0");
    aip::cancel_token token;
    token.request();
    CHECK(!token.requested());
}

TEST(copies_of_a_context_are_one_context_and_the_last_one_closes_it) {
    auto first = std::make_unique<aip::context>(aip::options{}.threads(1));
    const aip::context second = *first;
    first.reset();
    CHECK_EQ(second.from_columns({{"x", numbers(3)}}).count(), 3);
    CHECK(second.numeric_profile().find("openblas") != std::string::npos);
    CHECK(second.catalog("standard_scaler").find("\"standard_scaler\"") != std::string::npos);
    CHECK(second.catalog().find("\"logistic_regression\"") != std::string::npos);
    FAILS(second.catalog("standard_scalar"), AIP_E_NOT_FOUND, "standard_scaler");
    CHECK_EQ(aip::version(), std::string(aip_version()));
}

TEST(calls_are_cancelled_timed_and_told_how_far_they_are) {
    const aip::context ctx(aip::options{}.threads(1));
    aip::cancel_token token = ctx.cancel_token();
    const aip::dataset data = ctx.from_columns({{"x", numbers(200000)}});
    token.request();
    CHECK(token.requested());
    FAILS(data.each([](const aip::batch &) {}, aip::call{}.cancel(token)), AIP_E_CANCELLED, "cancelled");
    int n_batches = 0;
    aip::cancel_token later = ctx.cancel_token();
    FAILS(data.each(
              [&](const aip::batch &) {
                  if (++n_batches == 1) later.request();
              },
              aip::call{}.cancel(later)),
          AIP_E_CANCELLED, "");
    CHECK_EQ(n_batches, 1);
    const auto slowly = [](const aip::batch &) { std::this_thread::sleep_for(std::chrono::milliseconds(60)); };
    FAILS(data.each(slowly, aip::call{}.timeout(std::chrono::milliseconds(1))), AIP_E_TIMEOUT, "");
    int told = 0;
    data.each(slowly, aip::call{}.progress([&](const aip::progress &p) { told += p.rows >= 0 && !p.phase.empty(); }));
    CHECK(told > 0);
    FAILS(data.each(slowly, aip::call{}.progress([](const aip::progress &) { return false; })), AIP_E_CANCELLED, "");
    FAILS(data.each(slowly, aip::call{}.progress([](const aip::progress &) { throw aip::error(7, "enough"); })), 7, "enough");
    bool thrown = false;
    try {
        data.each(slowly, aip::call{}.progress([](const aip::progress &) { throw std::out_of_range("as it was"); }));
    } catch (const std::out_of_range &e) { thrown = std::string(e.what()) == "as it was"; }
    CHECK(thrown);
}
