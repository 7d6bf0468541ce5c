// A dispatcher over a network that a test plays, and in time that a test lets pass.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "client/codec.h"
#include "client/dispatcher.h"
#include "tests/client/fake_network.h"

namespace baton::client {

inline constexpr int64_t kMs = 1000;

// Empty until the call is completed.
template <class Result>
using Slot = std::shared_ptr<std::optional<absl::StatusOr<Result>>>;

class DispatcherHarness : public testing::Test {
 protected:
  DispatcherHarness() { Make({.endpoints = {"a:1", "b:1", "c:1"}}); }
  ~DispatcherHarness() override { dispatcher_->Stop(); }

  void Make(const ClientOptions& options) {
    if (dispatcher_ != nullptr) dispatcher_->Stop();
    auto network = std::make_unique<FakeNetwork>();
    network_ = network.get();
    dispatcher_ = std::make_unique<Dispatcher>(options, &environment_, std::move(network),
                                               [this] { ++wakes_; });
  }

  // `header` says what kind of call it is; `encode` gives its request.
  template <class Result, class Encode>
  Slot<Result> Start(CallHeader header, const CallOptions& options, Encode encode) {
    auto slot = std::make_shared<std::optional<absl::StatusOr<Result>>>();
    header.id = last_id_ = dispatcher_->NextId();
    header.request = encode(header.id);
    header.encoded_us = environment_.now_us;
    header.deadline_us = environment_.now_us + std::chrono::microseconds(options.timeout).count();
    dispatcher_->Submit(std::make_unique<TypedCall<Result>>(
        std::move(header), [slot](absl::StatusOr<Result> result) {
          ASSERT_FALSE(slot->has_value()) << "completed twice";
          slot->emplace(std::move(result));
        }));
    return slot;
  }

  // Lets `us` pass, stopping wherever the dispatcher asked to be called.
  void Pass(int64_t us) {
    const int64_t end_us = environment_.now_us + us;
    int64_t next_us = dispatcher_->RunTimers();
    for (int i = 0; next_us <= end_us; ++i) {
      ASSERT_LT(i, 10'000) << "timers do not come to rest";
      environment_.now_us = std::max(environment_.now_us, next_us);
      next_us = dispatcher_->RunTimers();
    }
    environment_.now_us = end_us;
  }

  // Makes `address` the leader that was found, with the given ballot; returns its stream.
  FakeStream* Lead(const std::string& address, uint64_t round) {
    if (network_->probes.count(address) == 0) dispatcher_->Warm();
    network_->AnswerProbe(address, "leader", round);
    return network_->streams.back().get();
  }

  FakeEnvironment environment_;
  FakeNetwork* network_ = nullptr;
  std::unique_ptr<Dispatcher> dispatcher_;
  uint64_t last_id_ = 0;
  int wakes_ = 0;
};

}  // namespace baton::client
