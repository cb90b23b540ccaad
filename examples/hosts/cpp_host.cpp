// cpp_host.cpp: a C++ program with its own threads, heap, log and loop runs a
// DAG, then scores rows in a hot loop.
//   c++ -std=c++17 cpp_host.cpp $(pkg-config --cflags --libs aipipe) -o
//   cpp_host cpp_host ../flights/flights.yaml FOLDER      writes
//   FOLDER/flights.aip and FOLDER/held-out.csv
// The library starts no thread here, and takes no memory but the host's.
#include <aipipe/aipipe.hpp>

#include <atomic>
#include <cmath>
#include <condition_variable>
#include <cstdio>
#include <deque>
#include <filesystem>
#include <limits>
#include <thread>

namespace {

// ---- the host's own: a heap that counts, a loop, threads
// ---------------------------------------------------------------------------

struct counting_heap final : std::pmr::memory_resource { // any memory_resource serves as the allocator
    std::atomic<long> calls{0};
    void *do_allocate(std::size_t n, std::size_t align) override {
        ++calls;
        return std::pmr::new_delete_resource()->allocate(n, align);
    }
    void do_deallocate(void *p, std::size_t n, std::size_t align) override {
        std::pmr::new_delete_resource()->deallocate(p, n, align);
    }
    bool do_is_equal(const memory_resource &other) const noexcept override { return this == &other; }
};

template <class Item> class queue { // closed, it is emptied and then gives nothing
  public:
    void push(Item item) {
        const std::lock_guard<std::mutex> held(lock_);
        items_.push_back(std::move(item));
        changed_.notify_one();
    }
    std::optional<Item> pop() {
        std::unique_lock<std::mutex> held(lock_);
        changed_.wait(held, [this] { return closed_ || !items_.empty(); });
        if (items_.empty()) return std::nullopt;
        std::optional<Item> first(std::move(items_.front()));
        items_.pop_front();
        return first;
    }
    void close() {
        const std::lock_guard<std::mutex> held(lock_);
        closed_ = true;
        changed_.notify_all();
    }

  private:
    std::mutex lock_;
    std::condition_variable changed_;
    std::deque<Item> items_;
    bool closed_ = false;
};

using loop = queue<std::function<void()>>; // run by one thread, posted to from any

// ---- the library on the host's threads and loop
// ------------------------------------------------------------------------------------

class host_executor final : public aip::executor {
  public:
    host_executor(loop &on, int n) : loop_(on) {
        for (int i = 0; i < n; i++)
            threads_.emplace_back([this] {
                while (std::optional<aip::job> job = jobs_.pop()) job->run();
            });
    }
    ~host_executor() override {
        jobs_.close();
        for (std::thread &t : threads_) t.join();
    }
    std::function<void()> drive = [] {}; // set before the run starts to call for it
    bool submit(aip::job job) noexcept override {
        try {
            jobs_.push(std::move(job));
            return true;
        } catch (const std::bad_alloc &) { return false; } // the job goes back: a thread that waits does it
    }
    int concurrency() const noexcept override { return static_cast<int>(threads_.size()); }
    void wake() noexcept override { // a loop that has no memory left for this cannot
                                    // go on: then noexcept ends the program
        loop_.push([this] { drive(); });
    }

  private:
    loop &loop_;
    queue<aip::job> jobs_;
    std::vector<std::thread> threads_;
};

struct flight { // NaN and NULL are missing; the integers of the table are read
                // from whole doubles
    double hour, dep_delay, distance, year, built, seats, temp, wind_speed, precip, visib;
    aip::timestamp time_hour;
    const char *carrier, *origin;
};

constexpr double missing = std::numeric_limits<double>::quiet_NaN();
// ../flights/five-flights.csv: the first two; the third's plane and weather are
// not known
const flight feed[] = {
    {7, -4, 762, 2013, 1991, 178, 30.02, 14.96014, 0, 10, {1359720000000000}, "DL", "LGA"},
    {6, 105, 199, 2013, 2003, 55, 28.94, 9.20624, 0, 10, {1359716400000000}, "EV", "EWR"},
    {19, 12, 2475, 2013, missing, missing, missing, missing, missing, missing, {1359763200000000}, "UA", "JFK"},
};

} // namespace

int main(int argc, char **argv) try {
    if (argc != 3) return std::fprintf(stderr, "usage: cpp_host DAG-FILE OUTPUT-FOLDER\n"), 2;
    const std::string folder = std::filesystem::absolute(argv[2]); // relative paths would start at the DAG file
    counting_heap heap;                                            // before the executor, whose threads may hold the last of
                                                                   // its memory
    loop events;
    host_executor threads(events, 2);
    const aip::context ctx(aip::options{}
                               .memory(heap, 256u << 20)
                               .executor(threads)
                               .log([](aip::level l, std::string_view task, std::string_view line) {
                                   std::fprintf(stderr, "%s: %s: %s\n", std::string(aip::name_of(l)).c_str(),
                                                std::string(task).c_str(), std::string(line).c_str());
                               }));

    aip::run run = ctx.load_dag(argv[1]).start({{"models", folder}});
    run.on_task([](const aip::task_event &e) { // here, on the loop's thread
        if (e.phase.empty()) std::printf("%s: %s\n", std::string(e.task).c_str(), std::string(e.state).c_str());
    });
    events.push([&] {
        threads.drive = [&] {
            run.poll(); // every callback of the run comes from here
            if (run.done()) events.close();
        };
        threads.drive();
    });
    while (const std::optional<std::function<void()>> next = events.pop()) (*next)();
    run.result(); // throws aip::error: status, message, task, source, line,
                  // column, parameter

    const aip::package package = ctx.load_package(folder + "/flights.aip"); // immutable: share it between threads
    aip::scorer<flight> late(package, {{"hour", &flight::hour},             // one per thread
                                       {"dep_delay", &flight::dep_delay},
                                       {"distance", &flight::distance},
                                       {"year", &flight::year},
                                       {"built", &flight::built},
                                       {"seats", &flight::seats},
                                       {"temp", &flight::temp},
                                       {"wind_speed", &flight::wind_speed},
                                       {"precip", &flight::precip},
                                       {"visib", &flight::visib},
                                       {"time_hour", &flight::time_hour},
                                       {"carrier", &flight::carrier},
                                       {"origin", &flight::origin}});
    const long before = heap.calls;
    for (const flight &f : feed) std::printf("%s %.0f miles: %.4f\n", f.carrier, f.distance,
                                             late(f)); // P(late)
    std::printf("allocations while scoring: %ld\n", heap.calls - before);
    return heap.calls == before ? 0 : 1;
} catch (const aip::error &e) {
    std::fprintf(stderr, "%s: %s\n", e.where().c_str(), e.what());
    return 1;
}
