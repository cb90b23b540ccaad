// embed.cpp: the same host in C++. aipipe.hpp is header-only over the C ABI (RAII, lambdas, aip::error); it exports nothing.
#include <aipipe/aipipe.hpp>
#include <atomic>
#include <cmath>
#include <memory_resource>
#include "product.hpp" // the host's own: product::loop, pool, heap(), log(), feed(), publish()

struct flight { double distance, dep_delay; std::int32_t hour; const char *carrier; };

struct host_executor final : aip::executor { // with this, the library starts no thread
    product::pool &pool;
    product::loop &loop;
    std::function<void()> drive = [] {};
    host_executor(product::pool &p, product::loop &l) : pool(p), loop(l) {}
    bool submit(aip::job job) noexcept override { // move-only; a job destroyed unrun is dropped and its run cancelled
        return pool.post([job = std::move(job)]() mutable noexcept { job.run(); });
    }
    int concurrency() const noexcept override { return pool.size(); }
    void wake() noexcept override { loop.post([this] { drive(); }); }
};

struct counting_heap final : std::pmr::memory_resource { // any memory_resource serves as the allocator
    std::atomic<long> calls{0};
    void *do_allocate(std::size_t n, std::size_t align) override { ++calls; return product::heap().allocate(n, align); }
    void do_deallocate(void *p, std::size_t n, std::size_t align) override { product::heap().deallocate(p, n, align); }
    bool do_is_equal(const memory_resource &other) const noexcept override { return this == &other; }
};

int main() try {
    counting_heap heap; // before the pool: what its threads still hold is memory of it
    product::pool pool{8};
    product::loop loop;
    host_executor exec{pool, loop};
    aip::context ctx{aip::options{}.memory(heap, 256u << 20).executor(exec).log(product::log)};

    ctx.define_stage("log_km", "ln(1 + kilometres), from miles", {{"column", aip::type::utf8}}, // beside the built-ins
        [](const aip::params &p, const aip::batch &in, aip::batch &out) {
            out.derive("log_km", in.column<double>(p["column"]), [](double miles) { return std::log1p(1.609344 * miles); });
        }); // missing stays missing

    aip::run run = ctx.load_dag("flights.yaml").start({{"min_auc", 0.75}});
    run.on_task([](const aip::task_event &e) { product::log(aip::level::info, e.task, e.state); });
    exec.drive = [&] { // every callback of the run comes from poll, so on this loop's thread
        auto due = run.poll(aip::clock::now());
        if (run.done()) loop.stop();
        else if (due) loop.at(*due, exec.drive);
    };
    loop.run();
    run.result(); // throws aip::error: status, message, task, source, line, column, parameter

    const aip::package package = ctx.load_package("models/flights.aip"); // immutable: share it between threads
    aip::scorer<flight> late{package, {{"distance", &flight::distance}, {"dep_delay", &flight::dep_delay},
                                          {"hour", &flight::hour}, {"carrier", &flight::carrier}}}; // one per thread
    const long before = heap.calls;
    for (const flight &f : product::feed<flight>()) product::publish(f, late(f)); // P(late): noexcept, ~10 ns
    return heap.calls == before ? 0 : 1;                                          // and no allocation
} catch (const aip::error &e) {
    product::log(aip::level::error, e.where(), e.what());
    return 1;
}
