// The key-value service over a real gRPC connection, in front of a fake node.
#include "server/rpc/kv_service.h"

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "server/rpc/channel.h"
#include "server/rpc/failure.h"
#include "server/rpc/requests.h"
#include "tests/server/rpc/fake_node.h"

namespace baton::server {
namespace {

// A node's client port in front of a fake node.
class KvEnd {
 public:
  explicit KvEnd(const std::string& name, bool formed = true)
      : service_(&handle_, &clock_, name, &metrics_) {
    if (formed) handle_.Set(&node_);
    grpc::ServerBuilder builder;
    ConfigureListener(&builder);
    builder.RegisterService(&service_);
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    server_ = builder.BuildAndStart();
    address_ = "127.0.0.1:" + std::to_string(port);
    stub_ = v1::Kv::NewStub(ConnectToNode(address_));
  }
  ~KvEnd() { Stop(); }
  void Stop() { server_->Shutdown(std::chrono::system_clock::now()); }

  FakeNode& node() { return node_; }
  KvService& service() { return service_; }
  v1::Kv::Stub& stub() { return *stub_; }
  const RpcMetrics& metrics() const { return metrics_; }
  LeaderHint hint() const { return {"leader", address_}; }

 private:
  FakeNode node_;
  NodeHandle handle_;
  SystemClock clock_;
  RpcMetrics metrics_;
  KvService service_;
  std::unique_ptr<grpc::Server> server_;
  std::string address_;
  std::unique_ptr<v1::Kv::Stub> stub_;
};

void SetDeadline(grpc::ClientContext* context, int ms = 5000) {
  context->set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(ms));
}

v1::PutRequest PutOf(const std::string& key, const std::string& value) {
  v1::PutRequest request;
  request.mutable_context()->set_timeout_ms(5000);
  request.set_key(key);
  request.set_value(value);
  return request;
}

grpc::Status Put(KvEnd* end, const v1::PutRequest& request, v1::PutResponse* response) {
  grpc::ClientContext context;
  return end->stub().Put(&context, request, response);
}

TEST(KvServiceTest, EveryUnaryOperationGoesThrough) {
  KvEnd end("n1");
  for (const char* key : {"a", "b", "c"}) {
    v1::PutResponse put;
    ASSERT_TRUE(Put(&end, PutOf(key, std::string("value of ") + key), &put).ok());
    EXPECT_EQ(put.durability(), v1::DURABILITY_QUORUM);
    EXPECT_GT(put.position().revision(), 0u);
    EXPECT_EQ(put.position().reign_round(), 1u);
  }
  {
    grpc::ClientContext context;
    SetDeadline(&context);
    v1::GetRequest request;
    request.set_key("a");
    v1::GetResponse response;
    ASSERT_TRUE(end.stub().Get(&context, request, &response).ok());
    EXPECT_TRUE(response.found());
    EXPECT_EQ(response.record().value(), "value of a");
  }
  {
    grpc::ClientContext context;
    SetDeadline(&context);
    v1::MultiGetRequest request;
    request.add_keys("c");
    request.add_keys("none");
    v1::MultiGetResponse response;
    ASSERT_TRUE(end.stub().MultiGet(&context, request, &response).ok());
    ASSERT_EQ(response.items_size(), 2);
    EXPECT_EQ(response.items(0).record().value(), "value of c");
    EXPECT_FALSE(response.items(1).found());
  }
  {
    grpc::ClientContext context;
    SetDeadline(&context);
    v1::DeleteRequest request;
    request.set_key("a");
    request.set_want_existed(true);
    v1::DeleteResponse response;
    ASSERT_TRUE(end.stub().Delete(&context, request, &response).ok());
    EXPECT_TRUE(response.existed());
  }
  {
    grpc::ClientContext context;
    SetDeadline(&context);
    v1::BatchRequest request;
    request.add_ops()->mutable_put()->set_key("d");
    request.add_ops()->set_delete_key("b");
    v1::BatchResponse response;
    ASSERT_TRUE(end.stub().Batch(&context, request, &response).ok());
  }
  {
    grpc::ClientContext context;
    SetDeadline(&context);
    v1::DeleteRangeRequest request;
    request.set_begin("d");
    request.set_want_count(true);
    v1::DeleteRangeResponse response;
    ASSERT_TRUE(end.stub().DeleteRange(&context, request, &response).ok());
    EXPECT_EQ(response.count(), 1u);
  }
  {
    grpc::ClientContext context;
    SetDeadline(&context);
    v1::IncrementRequest request;
    request.set_key("n");
    request.set_by(-7);
    v1::IncrementResponse response;
    ASSERT_TRUE(end.stub().Increment(&context, request, &response).ok());
    EXPECT_EQ(response.value(), -7);
  }
  {
    grpc::ClientContext context;
    SetDeadline(&context);
    v1::AppendRequest request;
    request.set_key("s");
    request.set_value("abc");
    v1::AppendResponse response;
    ASSERT_TRUE(end.stub().Append(&context, request, &response).ok());
    EXPECT_EQ(response.value_bytes(), 3u);
  }
}

TEST(KvServiceTest, ReadLevelsReachTheNodeAndBadOnesDoNot) {
  KvEnd end("n1");
  const auto get = [&end](const std::function<void(v1::GetRequest*)>& set) {
    grpc::ClientContext context;
    SetDeadline(&context);
    v1::GetRequest request;
    request.set_key("a");
    set(&request);
    v1::GetResponse response;
    return end.stub().Get(&context, request, &response).error_code();
  };
  EXPECT_EQ(get([](v1::GetRequest*) {}), grpc::OK);
  EXPECT_EQ(get([](v1::GetRequest* r) { r->set_level(v1::READ_LEVEL_LINEARIZABLE); }), grpc::OK);
  EXPECT_EQ(get([](v1::GetRequest* r) {
              r->set_level(v1::READ_LEVEL_BOUNDED_STALENESS);
              r->set_max_staleness_ms(250);
            }),
            grpc::OK);
  const auto at_least = [](v1::GetRequest* r, uint64_t slot, uint64_t round) {
    r->set_level(v1::READ_LEVEL_AT_LEAST);
    r->mutable_at_least()->set_slot(slot);
    r->mutable_at_least()->set_reign_round(round);
  };
  EXPECT_EQ(get([&](v1::GetRequest* r) { at_least(r, 9, 2); }), grpc::OK);
  const std::vector<ReadLevel> levels = end.node().levels();
  ASSERT_EQ(levels.size(), 4u);
  EXPECT_FALSE(levels[0].named());
  EXPECT_EQ(levels[1].kind, ReadLevel::Kind::kLinearizable);
  EXPECT_EQ(levels[2].max_staleness_us, 250'000);
  EXPECT_EQ(levels[3].at_least, (Position{2, Slot{9}, Revision{}}));

  const std::vector<std::function<void(v1::GetRequest*)>> bad = {
      [](v1::GetRequest* r) { r->set_level(static_cast<v1::ReadLevel>(9)); },
      [](v1::GetRequest* r) { r->set_level(v1::READ_LEVEL_BOUNDED_STALENESS); },
      [](v1::GetRequest* r) { r->set_max_staleness_ms(250); },
      [](v1::GetRequest* r) { r->set_level(v1::READ_LEVEL_AT_LEAST); },
      [](v1::GetRequest* r) { r->mutable_at_least()->set_slot(9); },
      [&](v1::GetRequest* r) { at_least(r, 0, 2); },
      [&](v1::GetRequest* r) { at_least(r, 9, 0); },
  };
  for (const auto& set : bad) EXPECT_EQ(get(set), grpc::INVALID_ARGUMENT);
  EXPECT_EQ(end.node().levels().size(), levels.size());
}

TEST(KvServiceTest, ScanIsPagedByATokenThatFitsOnlyItsScan) {
  KvEnd end("n1");
  for (const char* key : {"p1", "p2", "p3", "q1"}) {
    v1::PutResponse put;
    ASSERT_TRUE(Put(&end, PutOf(key, "v"), &put).ok());
  }
  v1::ScanRequest request;
  request.set_prefix("p");
  request.set_limit(2);
  std::vector<std::string> keys;
  std::string token;
  do {
    grpc::ClientContext context;
    SetDeadline(&context);
    request.set_page_token(token);
    v1::ScanResponse response;
    ASSERT_TRUE(end.stub().Scan(&context, request, &response).ok());
    for (const auto& record : response.records()) keys.push_back(record.key());
    if (token.empty()) {
      EXPECT_NE(response.next_page_token(), "");
    }
    token = response.next_page_token();
  } while (!token.empty());
  EXPECT_THAT(keys, testing::ElementsAre("p1", "p2", "p3"));

  grpc::ClientContext context;
  SetDeadline(&context);
  request.set_page_token(std::string("\x01") + std::string(8, 'x') + "p2");
  v1::ScanResponse response;
  const grpc::Status status = end.stub().Scan(&context, request, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), testing::HasSubstr("page token"));
}

TEST(KvServiceTest, BadInputIsRefusedWithWhatToChange) {
  KvEnd end("n1");
  struct Case {
    std::function<void(v1::PutRequest*)> spoil;
    grpc::StatusCode code;
    v1::Reason reason;
    std::string message;
    std::string limit;
  };
  const std::vector<Case> cases = {
      {[](auto* r) { r->clear_key(); }, grpc::StatusCode::INVALID_ARGUMENT,
       v1::REASON_INVALID_ARGUMENT, "key is empty", ""},
      {[](auto* r) { r->set_key(std::string(4097, 'k')); }, grpc::StatusCode::INVALID_ARGUMENT,
       v1::REASON_LIMIT_EXCEEDED, "4097 bytes is over the limit of 4096 bytes",
       "key_bytes_max=4096"},
      {[](auto* r) { r->set_value(std::string((1 << 20) + 1, 'v')); },
       grpc::StatusCode::INVALID_ARGUMENT, v1::REASON_LIMIT_EXCEEDED, "1048577 bytes",
       "value_bytes_max=1048576"},
      {[](auto* r) { r->mutable_context()->set_keyspace("nope"); }, grpc::StatusCode::NOT_FOUND,
       v1::REASON_KEYSPACE_UNKNOWN, "\"nope\"", ""},
      {[](auto* r) { r->mutable_context()->set_keyspace("system"); }, grpc::StatusCode::NOT_FOUND,
       v1::REASON_KEYSPACE_UNKNOWN, "system", ""},
      {[](auto* r) { r->mutable_context()->set_timeout_ms(0); }, grpc::StatusCode::INVALID_ARGUMENT,
       v1::REASON_INVALID_ARGUMENT, "no deadline", ""},
      {[](auto* r) { r->mutable_context()->set_session(4); }, grpc::StatusCode::INVALID_ARGUMENT,
       v1::REASON_INVALID_ARGUMENT, "session and sequence go together", ""},
      {[](auto* r) {
         r->mutable_context()->set_session(4);
         r->mutable_context()->set_sequence(2);
         r->mutable_context()->set_acked_below(3);
       },
       grpc::StatusCode::INVALID_ARGUMENT, v1::REASON_INVALID_ARGUMENT, "acked_below", ""},
      {[](auto* r) { r->mutable_context()->set_durability(static_cast<v1::Durability>(9)); },
       grpc::StatusCode::INVALID_ARGUMENT, v1::REASON_INVALID_ARGUMENT, "durability 9", ""},
  };
  for (const Case& bad : cases) {
    v1::PutRequest request = PutOf("k", "v");
    bad.spoil(&request);
    v1::PutResponse response;
    const grpc::Status status = Put(&end, request, &response);
    EXPECT_EQ(status.error_code(), bad.code) << bad.message;
    EXPECT_THAT(status.error_message(), testing::HasSubstr(bad.message));
    const Failure failure = FromGrpcStatus(status);
    EXPECT_EQ(failure.reason, FromProto(bad.reason)) << bad.message;
    EXPECT_EQ(failure.limit, bad.limit);
  }
  EXPECT_EQ(end.node().submits(), 0u);
}

TEST(KvServiceTest, AnUnformedNodeSaysSo) {
  KvEnd end("n1", /*formed=*/false);
  v1::PutResponse response;
  const grpc::Status status = Put(&end, PutOf("k", "v"), &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(FromGrpcStatus(status).reason, Reason::kUnformed);
  grpc::ClientContext context;
  SetDeadline(&context);
  auto stream = end.stub().Exchange(&context);
  v1::ExchangeResponse answer;
  EXPECT_FALSE(stream->Read(&answer));
  EXPECT_EQ(FromGrpcStatus(stream->Finish()).reason, Reason::kUnformed);
}

TEST(KvServiceTest, ContextReachesTheNode) {
  KvEnd end("n1");
  v1::PutRequest request = PutOf("k", "v");
  request.mutable_context()->set_actor("importer");
  request.mutable_context()->set_traceparent("00-aa-bb-01");
  request.mutable_context()->set_timeout_ms(1000);
  request.mutable_context()->set_keyspace("other");
  v1::PutResponse response;
  grpc::ClientContext context;
  SetDeadline(&context, 60'000);
  SystemClock clock;
  const int64_t before_us = clock.LeaseNowUs();
  ASSERT_TRUE(end.stub().Put(&context, request, &response).ok());
  ASSERT_EQ(end.node().contexts().size(), 1u);
  const CallContext got = end.node().contexts()[0];
  EXPECT_EQ(got.actor, "importer");
  EXPECT_EQ(got.traceparent, "00-aa-bb-01");
  EXPECT_NE(got.request_id, 0u);
  EXPECT_GE(got.deadline_us, before_us + 900'000);  // the shorter of the two counts
  EXPECT_LE(got.deadline_us, clock.LeaseNowUs() + 1'000'000);
}

TEST(KvServiceTest, AFollowerForwardsOnce) {
  KvEnd leader("n1");
  KvEnd follower("n2");
  follower.node().answer = [&](const Call&) { return FakeNode::NotLeader(leader.hint()); };
  v1::PutRequest request = PutOf("k", "v");
  request.mutable_context()->set_actor("somebody");
  v1::PutResponse response;
  ASSERT_TRUE(Put(&follower, request, &response).ok());
  EXPECT_EQ(response.durability(), v1::DURABILITY_QUORUM);
  EXPECT_EQ(follower.metrics().forwarded.Get(), 1u);
  EXPECT_EQ(leader.metrics().forwarded.Get(), 0u);
  ASSERT_EQ(leader.node().contexts().size(), 1u);
  EXPECT_EQ(leader.node().contexts()[0].actor, "somebody");

  // The leader has moved meanwhile: no second hop.
  leader.node().answer = [&](const Call&) { return FakeNode::NotLeader(follower.hint()); };
  const grpc::Status status = Put(&follower, request, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(FromGrpcStatus(status).reason, Reason::kForwardedTwice);
  EXPECT_EQ(follower.node().submits(), 2u);
  EXPECT_EQ(leader.node().submits(), 2u);
}

// It may have been created a moment ago, and not be applied there yet.
TEST(KvServiceTest, AFollowerForwardsWhatNamesAKeyspaceThatItDoesNotKnow) {
  KvEnd leader("n1");
  KvEnd follower("n2");
  NodeStatus status;
  status.state = "follower";
  status.leader = leader.hint();
  follower.node().SetStatus(status);
  v1::PutRequest request = PutOf("k", "v");
  request.mutable_context()->set_keyspace("nope");
  v1::PutResponse response;
  const grpc::Status refused = Put(&follower, request, &response);
  EXPECT_EQ(follower.metrics().forwarded.Get(), 1u);
  EXPECT_EQ(FromGrpcStatus(refused).reason, Reason::kKeyspaceUnknown) << "as the leader says";
  EXPECT_EQ(follower.node().submits(), 0u);
}

TEST(KvServiceTest, AForwardedCallThatIsLostHasAnUnknownOutcome) {
  KvEnd leader("n1");
  KvEnd follower("n2");
  leader.node().hold = true;
  follower.node().answer = [&](const Call&) { return FakeNode::NotLeader(leader.hint()); };
  v1::PutRequest request = PutOf("k", "v");
  request.mutable_context()->set_timeout_ms(300);
  v1::PutResponse response;
  const grpc::Status put = Put(&follower, request, &response);
  EXPECT_EQ(put.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(FromGrpcStatus(put).reason, Reason::kOutcomeUnknown);

  v1::GetRequest get;
  get.set_key("k");
  get.mutable_context()->set_timeout_ms(300);
  v1::GetResponse got;
  grpc::ClientContext context;
  const grpc::Status read = follower.stub().Get(&context, get, &got);
  EXPECT_EQ(FromGrpcStatus(read).reason, Reason::kNoLeader);
  leader.node().Release();
}

TEST(KvServiceTest, StoppingGivesUpWhatIsBeingForwarded) {
  KvEnd leader("n1");
  KvEnd follower("n2");
  leader.node().hold = true;
  follower.node().answer = [&](const Call&) { return FakeNode::NotLeader(leader.hint()); };
  std::thread stopper([&] {
    while (leader.node().submits() == 0) std::this_thread::yield();
    follower.service().Stop();
  });
  v1::PutRequest request = PutOf("k", "v");
  request.mutable_context()->set_timeout_ms(60'000);
  v1::PutResponse response;
  EXPECT_EQ(FromGrpcStatus(Put(&follower, request, &response)).reason, Reason::kOutcomeUnknown);
  stopper.join();
  // From now on it says who leads instead.
  EXPECT_EQ(FromGrpcStatus(Put(&follower, request, &response)).reason, Reason::kNotLeader);
  leader.node().Release();
}

TEST(KvServiceTest, AFollowerWithoutALeaderSaysSo) {
  KvEnd follower("n2");
  follower.node().answer = [&](const Call&) { return FakeNode::NotLeader(std::nullopt); };
  v1::PutResponse response;
  const grpc::Status status = Put(&follower, PutOf("k", "v"), &response);
  EXPECT_EQ(FromGrpcStatus(status).reason, Reason::kNotLeader);
}

TEST(ExchangeTest, ManyRequestsInAMessageAreOneSubmit) {
  KvEnd end("n1");
  grpc::ClientContext context;
  auto stream = end.stub().Exchange(&context);
  v1::ExchangeRequest message;
  message.mutable_defaults()->set_timeout_ms(5000);
  constexpr uint64_t kCount = 500;
  for (uint64_t id = 1; id <= kCount; ++id) {
    v1::ExchangeItem* item = message.add_items();
    item->set_id(id);
    if (id % 2 == 1) {
      item->mutable_put()->set_key("k" + std::to_string(id));
      item->mutable_put()->set_value(std::string(256, 'v'));
    } else {
      item->mutable_get()->set_key("k" + std::to_string(id - 1));
    }
  }
  ASSERT_TRUE(stream->Write(message));
  stream->WritesDone();
  std::map<uint64_t, v1::ExchangeResult> results;
  v1::ExchangeResponse response;
  while (stream->Read(&response)) {
    for (const auto& result : response.results()) results[result.id()] = result;
  }
  EXPECT_TRUE(stream->Finish().ok());
  ASSERT_EQ(results.size(), kCount);
  EXPECT_EQ(end.node().submits(), 1u);
  for (const auto& [id, result] : results) {
    EXPECT_EQ(result.code(), 0);
    if (id % 2 == 1) {
      EXPECT_EQ(result.put().durability(), v1::DURABILITY_QUORUM);
    } else {
      EXPECT_EQ(result.get().record().value(), std::string(256, 'v'));
    }
  }
  EXPECT_EQ(end.metrics().exchange_requests.Get(), kCount);
}

TEST(ExchangeTest, BadItemsAreRefusedAloneAndTheRestGoesOn) {
  KvEnd end("n1");
  grpc::ClientContext context;
  auto stream = end.stub().Exchange(&context);
  v1::ExchangeRequest message;
  message.mutable_defaults()->set_timeout_ms(5000);
  v1::ExchangeItem* good = message.add_items();
  good->set_id(1);
  good->mutable_put()->set_key("k");
  v1::ExchangeItem* empty_key = message.add_items();
  empty_key->set_id(2);
  empty_key->mutable_put();
  message.add_items()->set_id(3);  // no request at all
  v1::ExchangeItem* no_deadline = message.add_items();
  no_deadline->set_id(4);
  no_deadline->mutable_get()->set_key("k");
  no_deadline->mutable_get()->mutable_context()->set_keyspace("other");  // replaces the defaults
  ASSERT_TRUE(stream->Write(message));
  stream->WritesDone();
  std::map<uint64_t, v1::ExchangeResult> results;
  v1::ExchangeResponse response;
  while (stream->Read(&response)) {
    for (const auto& result : response.results()) results[result.id()] = result;
  }
  EXPECT_TRUE(stream->Finish().ok());
  ASSERT_EQ(results.size(), 4u);
  EXPECT_EQ(results[1].code(), 0);
  for (const uint64_t id : {2, 3, 4}) {
    EXPECT_EQ(results[id].code(), static_cast<int>(grpc::StatusCode::INVALID_ARGUMENT));
    EXPECT_NE(results[id].error().message(), "");
    EXPECT_EQ(results[id].result_case(), v1::ExchangeResult::RESULT_NOT_SET);
  }
}

TEST(ExchangeTest, AStreamIsToldOfALeaderAndIsNotForwarded) {
  KvEnd end("n2");
  NodeStatus status;
  status.leader = LeaderHint{"n1", "a:1"};
  end.node().SetStatus(status);
  end.node().answer = [](const Call&) { return FakeNode::NotLeader(LeaderHint{"n1", "a:1"}); };
  grpc::ClientContext context;
  auto stream = end.stub().Exchange(&context);
  v1::ExchangeResponse response;
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_EQ(response.leader().name(), "n1");

  v1::ExchangeRequest message;
  v1::ExchangeItem* item = message.add_items();
  item->set_id(9);
  item->mutable_put()->set_key("k");
  item->mutable_put()->mutable_context()->set_timeout_ms(1000);
  ASSERT_TRUE(stream->Write(message));
  ASSERT_TRUE(stream->Read(&response));
  ASSERT_EQ(response.results_size(), 1);
  EXPECT_EQ(response.results(0).error().reason(), v1::REASON_NOT_LEADER);
  EXPECT_EQ(response.results(0).error().leader().address(), "a:1");
  EXPECT_EQ(end.metrics().forwarded.Get(), 0u);

  end.node().TellLeader({"n3", "c:3"});
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_EQ(response.leader().name(), "n3");
  EXPECT_EQ(response.leader().address(), "c:3");
  stream->WritesDone();
  EXPECT_FALSE(stream->Read(&response));
  EXPECT_TRUE(stream->Finish().ok());
}

TEST(ExchangeTest, AStreamThatIsCancelledForgetsItsRequests) {
  KvEnd end("n1");
  end.node().hold = true;
  {
    grpc::ClientContext context;
    auto stream = end.stub().Exchange(&context);
    v1::ExchangeRequest message;
    v1::ExchangeItem* item = message.add_items();
    item->mutable_put()->set_key("k");
    item->mutable_put()->mutable_context()->set_timeout_ms(1000);
    ASSERT_TRUE(stream->Write(message));
    while (end.node().submits() == 0) std::this_thread::yield();
    context.TryCancel();
    EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
  }
  while (end.node().watchers() > 0) std::this_thread::yield();
  end.node().Release();  // a late answer finds no stream
  EXPECT_EQ(end.metrics().exchange_streams_closed.Get(), 1u);
}

TEST(ExchangeTest, ReadingStopsWhileTooMuchIsUnanswered) {
  KvEnd end("n1");
  end.node().hold = true;
  grpc::ClientContext context;
  auto stream = end.stub().Exchange(&context);
  constexpr int kMessages = 100;
  constexpr int kItems = 200;
  std::thread writer([&] {
    for (int m = 0; m < kMessages; ++m) {
      v1::ExchangeRequest message;
      message.mutable_defaults()->set_timeout_ms(60'000);
      for (int i = 0; i < kItems; ++i) {
        v1::ExchangeItem* item = message.add_items();
        item->set_id(m * kItems + i + 1);
        item->mutable_get()->set_key("k");
      }
      stream->Write(message);
    }
    stream->WritesDone();
  });
  // Nothing is answered: the stream takes in what it may and no more.
  const size_t limit = 8192 / kItems + 1;
  while (end.node().submits() < limit) std::this_thread::yield();
  usleep(100'000);
  EXPECT_EQ(end.node().submits(), limit);
  end.node().Release();
  int results = 0;
  v1::ExchangeResponse response;
  while (stream->Read(&response)) results += response.results_size();
  writer.join();
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_EQ(results, kMessages * kItems);
}

TEST(RequestsTest, PrefixesEndWhereTheyMust) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"a", "b"}, {"a\xff", "b"}, {"\xff\xff", ""}, {std::string("a\0", 2), std::string("a\1", 2)}};
  for (const auto& [prefix, end] : cases) {
    v1::ScanRequest request;
    request.set_prefix(prefix);
    Call call;
    ASSERT_TRUE(ParseRequest(FakeNode(), &request, engine::DefaultKeyspaceInfo(0), &call).ok());
    const auto& spec = std::get<engine::ScanSpec>(call.request);
    EXPECT_EQ(spec.begin, prefix);
    EXPECT_EQ(spec.end, end);
  }
}

TEST(RequestsTest, LimitsOfManyAtOnce) {
  Call call;
  v1::BatchRequest batch;
  EXPECT_THAT(ParseRequest(FakeNode(), &batch, engine::DefaultKeyspaceInfo(0), &call).message,
              testing::HasSubstr("no operation"));
  for (int i = 0; i < 1025; ++i) batch.add_ops()->set_delete_key("k");
  EXPECT_EQ(ParseRequest(FakeNode(), &batch, engine::DefaultKeyspaceInfo(0), &call).limit,
            "request_ops_max=1024");
  v1::BatchRequest heavy;
  for (int i = 0; i < 9; ++i) {
    heavy.add_ops()->mutable_put()->set_key("k");
    heavy.mutable_ops(i)->mutable_put()->set_value(std::string(1 << 20, 'v'));
  }
  EXPECT_EQ(ParseRequest(FakeNode(), &heavy, engine::DefaultKeyspaceInfo(0), &call).limit,
            "request_bytes_max=8388608");
  v1::MultiGetRequest many;
  for (int i = 0; i < 1025; ++i) many.add_keys("k");
  EXPECT_EQ(ParseRequest(FakeNode(), &many, engine::DefaultKeyspaceInfo(0), &call).limit,
            "request_ops_max=1024");
  v1::ScanRequest both;
  both.set_prefix("a");
  both.set_begin("b");
  EXPECT_EQ(ParseRequest(FakeNode(), &both, engine::DefaultKeyspaceInfo(0), &call).reason,
            Reason::kInvalidArgument);
  v1::DeleteRangeRequest reversed;
  reversed.set_begin("b");
  reversed.set_end("a");
  EXPECT_THAT(ParseRequest(FakeNode(), &reversed, engine::DefaultKeyspaceInfo(0), &call).message,
              testing::HasSubstr("ends before"));
}

TEST(RequestsTest, ConditionsAreOnTheKeyOfTheRequest) {
  const engine::KeyspaceInfo keyspace = engine::DefaultKeyspaceInfo(0);
  using Kind = engine::Condition::Kind;
  v1::PutRequest put = PutOf("k", "v");
  put.mutable_condition()->set_revision(0);
  Call call;
  ASSERT_TRUE(ParseRequest(FakeNode(), &put, keyspace, &call).ok());
  const auto& write = std::get<engine::WriteRequest>(call.request);
  ASSERT_EQ(write.conditions.size(), 1u);
  EXPECT_EQ(write.conditions[0].key, "k");
  EXPECT_EQ(write.conditions[0].kind, Kind::kAbsent);

  v1::PutRequest other = PutOf("k", "v");
  other.mutable_condition()->set_key("another");
  EXPECT_THAT(ParseRequest(FakeNode(), &other, keyspace, &call).message,
              testing::HasSubstr("on the key of the request"));
  v1::PutRequest empty = PutOf("k", "v");
  empty.mutable_condition();
  EXPECT_THAT(ParseRequest(FakeNode(), &empty, keyspace, &call).message,
              testing::HasSubstr("set exists, revision or value"));
}

TEST(RequestsTest, ABatchMayNameKeyspaces) {
  v1::BatchRequest batch;
  batch.add_ops()->mutable_put()->set_key("k");
  batch.mutable_ops(0)->set_keyspace("other");
  batch.add_ops()->mutable_append()->set_key("k");
  batch.add_conditions()->set_key("c");
  batch.mutable_conditions(0)->set_exists(true);
  batch.mutable_conditions(0)->set_keyspace("other");
  Call call;
  ASSERT_TRUE(ParseRequest(FakeNode(), &batch, engine::DefaultKeyspaceInfo(0), &call).ok());
  const auto& write = std::get<engine::WriteRequest>(call.request);
  EXPECT_EQ(engine::KeyspaceOf(write, write.ops[0]), KeyspaceId{7});
  EXPECT_EQ(engine::KeyspaceOf(write, write.ops[1]), kDefaultKeyspace);
  EXPECT_EQ(engine::KeyspaceOf(write, write.conditions[0]), KeyspaceId{7});

  v1::BatchRequest nowhere;
  nowhere.add_ops()->set_delete_key("k");
  nowhere.mutable_ops(0)->set_keyspace("nope");
  EXPECT_EQ(ParseRequest(FakeNode(), &nowhere, engine::DefaultKeyspaceInfo(0), &call).reason,
            Reason::kKeyspaceUnknown);
}

// A keyspace's owner may have chosen staleness for reads that name no level.
TEST(RequestsTest, ReadsThatNameNoLevelTakeTheKeyspaces) {
  engine::KeyspaceInfo keyspace = engine::DefaultKeyspaceInfo(0);
  keyspace.settings.default_staleness_ms = 30;
  v1::GetRequest get;
  get.set_key("k");
  Call call;
  ASSERT_TRUE(ParseRequest(FakeNode(), &get, keyspace, &call).ok());
  EXPECT_EQ(call.level.kind, ReadLevel::Kind::kBoundedStaleness);
  EXPECT_EQ(call.level.max_staleness_us, 30'000);
  v1::GetRequest named;
  named.set_key("k");
  named.set_level(v1::READ_LEVEL_LINEARIZABLE);
  ASSERT_TRUE(ParseRequest(FakeNode(), &named, keyspace, &call).ok());
  EXPECT_EQ(call.level.kind, ReadLevel::Kind::kLinearizable);
}

TEST(RequestsTest, AMultiGetThatIsTooLargeToSendIsRefused) {
  GetResult result;
  for (int i = 0; i < 9; ++i) {
    result.records.push_back(engine::Record{"", std::string(1 << 20, 'v'), Revision{1}});
  }
  Answer answer;
  answer.result = std::move(result);
  v1::MultiGetResponse response;
  EXPECT_EQ(FillResponse(&answer, &response).limit, "answer_bytes_max=8388608");
}

}  // namespace
}  // namespace baton::server
