// A network that does nothing by itself, and a clock that stands still: a test answers each probe
// and each message, breaks streams and lets time pass. One thread.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "client/environment.h"
#include "client/network.h"

namespace baton::client {

class FakeEnvironment final : public Environment {
 public:
  int64_t NowUs() override { return now_us; }
  uint64_t Random() override { return 0; }  // every back-off takes its shortest

  int64_t now_us = 1'000'000;
};

class FakeStream final : public Stream {
 public:
  FakeStream(std::string address, StreamListener* listener)
      : address(std::move(address)), listener(listener) {}
  void Write(std::string message) override {
    v1::ExchangeRequest request;
    ASSERT_TRUE(request.ParseFromString(message));
    ASSERT_TRUE(writable) << "a message was written before the last was taken";
    writable = false;
    if (!broken) messages.push_back(std::move(request));
  }
  void Close() override { closed = true; }

  // The last message was taken.
  void Taken() {
    writable = true;
    listener->OnWritable();
  }
  void Break() {
    broken = true;
    listener->OnClosed(absl::UnavailableError("broken by the test"));
  }
  // Answers one request of any message.
  void Answer(v1::ExchangeResult result) {
    v1::ExchangeResponse response;
    *response.add_results() = std::move(result);
    listener->OnMessage(&response);
  }
  void Refuse(uint64_t id, v1::Reason reason, uint32_t retry_after_ms = 0) {
    v1::ExchangeResult result;
    result.set_id(id);
    result.set_code(static_cast<int>(absl::StatusCode::kUnavailable));
    result.mutable_error()->set_reason(reason);
    result.mutable_error()->set_retry_after_ms(retry_after_ms);
    Answer(std::move(result));
  }
  void AnswerPut(uint64_t id, uint64_t revision) {
    v1::ExchangeResult result;
    result.set_id(id);
    result.mutable_put()->mutable_position()->set_revision(revision);
    Answer(std::move(result));
  }
  void AnswerGet(uint64_t id, const std::string& value) {
    v1::ExchangeResult result;
    result.set_id(id);
    result.mutable_get()->set_found(true);
    result.mutable_get()->mutable_record()->set_value(value);
    Answer(std::move(result));
  }

  const std::string address;
  StreamListener* const listener;
  std::vector<v1::ExchangeRequest> messages;
  bool writable = true;
  bool closed = false;
  bool broken = false;
};

class FakeNetwork final : public Network {
 public:
  std::shared_ptr<Stream> Open(const std::string& address, StreamListener* listener) override {
    streams.push_back(std::make_shared<FakeStream>(address, listener));
    return streams.back();
  }
  void Probe(const std::string& address, int64_t, ProbeDone done) override {
    EXPECT_EQ(probes.count(address), 0u) << "asked again before it answered";
    probes[address] = std::move(done);
    ++asked;
  }
  void Shutdown() override {
    while (!probes.empty()) FailProbe(probes.begin()->first);
    for (const auto& stream : streams) {
      EXPECT_TRUE(stream->closed || stream->broken) << stream->address;
      if (!stream->broken) stream->Break();
    }
  }

  void AnswerProbe(const std::string& address, const std::string& state, uint64_t round) {
    v1::StatusResponse response;
    response.set_name("node at " + address);
    response.set_cluster_id("cluster");
    response.set_state(state);
    response.mutable_ballot()->set_round(round);
    TakeProbe(address)(absl::OkStatus(), response);
  }
  void FailProbe(const std::string& address) {
    TakeProbe(address)(absl::UnavailableError("out of reach"), v1::StatusResponse());
  }

  std::vector<std::shared_ptr<FakeStream>> streams;  // in the order they were opened
  std::map<std::string, ProbeDone> probes;           // not answered yet
  int asked = 0;

 private:
  ProbeDone TakeProbe(const std::string& address) {
    const auto at = probes.find(address);
    if (at == probes.end()) {
      ADD_FAILURE() << address << " was not asked";
      return [](const absl::Status&, const v1::StatusResponse&) {};
    }
    ProbeDone done = std::move(at->second);
    probes.erase(at);
    return done;
  }
};

}  // namespace baton::client
