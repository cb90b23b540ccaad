// product.hpp: the product that embed.cpp is a part of: its loop, its threads, its heap, its log and its data. It knows nothing of aipipe
// but the levels of the log.
#ifndef PRODUCT_HPP
#define PRODUCT_HPP

#include <aipipe/aipipe.hpp>

#include <condition_variable>
#include <cstdio>
#include <deque>
#include <map>
#include <thread>

namespace product {

// What is to be done: any callable, also one that can only be moved.
class work {
  public:
    work() = default;
    template <class F> work(F f) : call_(std::make_unique<of<F>>(std::move(f))) {}
    void operator()() { call_->run(); }

  private:
    struct callable {
        virtual ~callable() = default;
        virtual void run() = 0;
    };
    template <class F> struct of final : callable {
        explicit of(F given) : f(std::move(given)) {}
        void run() override { f(); }
        F f;
    };
    std::unique_ptr<callable> call_;
};

class pool {
  public:
    explicit pool(int n) {
        for (int i = 0; i < n; i++) threads_.emplace_back([this] { serve(); });
    }
    ~pool() {
        {
            const std::lock_guard<std::mutex> held(lock_);
            stopping_ = true;
        }
        changed_.notify_all();
        for (std::thread &t : threads_) t.join();
    }
    bool post(work w) noexcept {
        try {
            const std::lock_guard<std::mutex> held(lock_);
            queue_.push_back(std::move(w));
        } catch (...) { return false; }
        changed_.notify_one();
        return true;
    }
    int size() const noexcept { return static_cast<int>(threads_.size()); }

  private:
    void serve() {
        std::unique_lock<std::mutex> held(lock_);
        for (;;) {
            changed_.wait(held, [this] { return stopping_ || !queue_.empty(); });
            if (queue_.empty()) return;
            work next = std::move(queue_.front());
            queue_.pop_front();
            held.unlock();
            next();
            next = work();
            held.lock();
        }
    }
    std::mutex lock_;
    std::condition_variable changed_;
    std::deque<work> queue_;
    std::vector<std::thread> threads_;
    bool stopping_ = false;
};

class loop { // one thread runs it; post comes from any
  public:
    using clock = std::chrono::steady_clock;
    void post(work w) {
        const std::lock_guard<std::mutex> held(lock_);
        queue_.push_back(std::move(w));
        changed_.notify_one();
    }
    void at(clock::time_point due, work w) {
        const std::lock_guard<std::mutex> held(lock_);
        timers_.emplace(due, std::move(w));
        changed_.notify_one();
    }
    void stop() {
        const std::lock_guard<std::mutex> held(lock_);
        stopped_ = true;
        changed_.notify_one();
    }
    void run() {
        std::unique_lock<std::mutex> held(lock_);
        while (!stopped_) {
            if (!timers_.empty() && timers_.begin()->first <= clock::now()) {
                queue_.push_back(std::move(timers_.begin()->second));
                timers_.erase(timers_.begin());
            }
            if (queue_.empty()) {
                if (timers_.empty())
                    changed_.wait(held);
                else
                    changed_.wait_until(held, clock::time_point(timers_.begin()->first)); // a copy: the map may change meanwhile
                continue;
            }
            work next = std::move(queue_.front());
            queue_.pop_front();
            held.unlock();
            next();
            held.lock();
        }
    }

  private:
    std::mutex lock_;
    std::condition_variable changed_;
    std::deque<work> queue_;
    std::multimap<clock::time_point, work> timers_;
    bool stopped_ = false;
};

inline std::pmr::memory_resource &heap() { return *std::pmr::new_delete_resource(); }

inline void log(aip::level level, std::string_view where, std::string_view message) {
    std::fprintf(stderr, "%.*s: %.*s: %.*s\n", static_cast<int>(aip::name_of(level).size()), aip::name_of(level).data(),
                 static_cast<int>(where.size()), where.data(), static_cast<int>(message.size()), message.data());
}

// A day of flights: two carriers, in turn.
template <class Flight> std::vector<Flight> feed() {
    std::vector<Flight> flights;
    for (int i = 0; i < 1000; i++) {
        Flight f{};
        f.distance = 200 + i;
        f.dep_delay = i % 60 - 10;
        f.hour = i % 24;
        f.carrier = i % 2 ? "DL" : "EV";
        flights.push_back(f);
    }
    return flights;
}
template <class Flight> void publish(const Flight &, double late) {
    if (!(late >= 0 && late <= 1)) std::abort(); // a probability, or the product is wrong
}

} // namespace product

#endif
