// What the outside world gets wrong is refused with a sentence that says what to change, and
// changes nothing.
#include <arpa/inet.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/security/credentials.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <random>

#include "baton/error.h"
#include "baton/v1/kv_service.grpc.pb.h"
#include "baton/v1/sessions_service.grpc.pb.h"
#include "tests/integration/cluster.h"
#include "tests/integration/command.h"

namespace baton::testing {
namespace {

namespace fs = std::filesystem;

// --- Configuration: the process says what is wrong and exits.

class BadConfigTest : public ::testing::Test {
 protected:
  BadConfigTest() {
    std::string pattern = ::testing::TempDir() + "baton_config_XXXXXX";
    directory_ = mkdtemp(pattern.data());
  }
  ~BadConfigTest() override { fs::remove_all(directory_); }

  // What batond says of a file with these lines.
  CommandResult Check(const std::string& text, bool check_only = true) {
    std::ofstream(directory_ + "/batond.toml") << text;
    std::vector<std::string> argv = {BATOND_PATH, "--config", directory_ + "/batond.toml"};
    if (check_only) argv.push_back("--check-config");
    CommandOptions options;
    options.timeout_us = 30'000'000;
    return RunCommand(argv, options);
  }
  std::string Good() const {
    return "[node]\nname = \"n1\"\ndata_dir = \"" + directory_ +
           "/data\"\nclient_address = \"127.0.0.1:1\"\n";
  }

  std::string directory_;
};

TEST_F(BadConfigTest, AGoodOnePasses) {
  const CommandResult result = Check(Good());
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_FALSE(fs::exists(directory_ + "/data")) << "checking must not create anything";
}

TEST_F(BadConfigTest, AnUnknownKeyIsNamedWithItsPlace) {
  for (const bool check_only : {true, false}) {
    const CommandResult result = Check(Good() + "clinet_address = \"x\"\n", check_only);
    EXPECT_GT(result.exit_code, 0);
    EXPECT_NE((result.out + result.err).find("clinet_address"), std::string::npos) << result.err;
    EXPECT_NE((result.out + result.err).find("batond.toml:5"), std::string::npos) << result.err;
    EXPECT_FALSE(fs::exists(directory_ + "/data"));
  }
}

TEST_F(BadConfigTest, MistakesOfEveryKindAreNamed) {
  const std::pair<std::string, std::string> mistakes[] = {
      {"[node\n", "batond.toml:1"},
      {"[nodes]\nname = \"n1\"\n", "nodes"},
      {"[node]\nname = 7\n", "name"},
      {"[node]\nname = \"n1\"\n", "data_dir"},
      {Good() + "http_address = \"nowhere\"\n", "http_address"},
      {Good() + "[wal]\nsegment_bytes = 1\n", "segment_bytes"}};
  for (const auto& [text, expected] : mistakes) {
    const CommandResult result = Check(text);
    EXPECT_GT(result.exit_code, 0) << text;
    EXPECT_NE((result.out + result.err).find(expected), std::string::npos)
        << text << "\n"
        << result.out << result.err;
  }
}

TEST(BadPlanTest, DuplicateNodesAreRefusedAndTheNodesStayUnformed) {
  ClusterOptions unformed;
  unformed.nodes = 2;
  unformed.form = false;
  Cluster cluster(unformed);
  ASSERT_TRUE(Eventually([&] { return cluster.Status(0) && cluster.Status(1); }));
  const std::vector<PlannedMember> plans[] = {
      {{"n1", cluster.address(0)}, {"n1", cluster.address(1)}},
      {{"n1", cluster.address(0)}, {"n2", cluster.address(0)}},
      {{"n1", cluster.address(0)}, {"other", cluster.address(1)}},
      {{"", cluster.address(0)}},
      {}};
  for (const std::vector<PlannedMember>& plan : plans) {
    const absl::StatusOr<Formation> formed = cluster.admin().Init(plan);
    EXPECT_FALSE(formed.ok());
    EXPECT_FALSE(formed.status().message().empty());
  }
  for (int i = 0; i < 2; ++i) EXPECT_EQ(cluster.Status(i)->state, "unformed");
  // Nothing of the bad plans stands in the way of a good one.
  const absl::Status formed = cluster.Form();
  EXPECT_TRUE(formed.ok()) << formed;
}

TEST(BadPlanTest, AnotherPlanIsRefusedOnceFormed) {
  Cluster cluster;
  const absl::StatusOr<Formation> again = cluster.admin().Init({{"n1", cluster.address(0)}});
  EXPECT_EQ(GetReason(again.status()), Reason::kFormedDifferently) << again.status();
  const absl::Status same = cluster.Form();
  EXPECT_TRUE(same.ok()) << same;
}

// What only the cluster's profile can tell.
TEST(BadStallTest, ALimitBelowHalfOfTheLeaseKeepsTheNodeOut) {
  Cluster cluster;
  ASSERT_EQ(cluster.Terminate(0), 0);
  const CommandResult result =
      RunCommand({BATOND_PATH, "--config", cluster.ConfigPath(0), "--stall-ms", "249"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_NE(
      (result.out + result.err).find("replica.stall_ms: 249 is below half of the lease, 250 ms"),
      std::string::npos)
      << result.out << result.err;
}

// --- Requests: one cluster for all.

class BadRequestTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { cluster_ = new Cluster; }
  static void TearDownTestSuite() {
    delete cluster_;
    cluster_ = nullptr;
  }
  static std::unique_ptr<v1::Kv::Stub> Stub(int node) {
    return v1::Kv::NewStub(
        grpc::CreateChannel(cluster_->address(node), grpc::InsecureChannelCredentials()));
  }
  uint64_t LeadersCommit() { return cluster_->Status(cluster_->AwaitLeader())->commit_slot; }

  static Cluster* cluster_;
};
Cluster* BadRequestTest::cluster_ = nullptr;

TEST_F(BadRequestTest, OutsideTheLimits) {
  Client& client = cluster_->client();
  ASSERT_TRUE(client.Put("limits", "kept").ok());
  const uint64_t commit = LeadersCommit();
  const std::string longest_key(4096, 'k');

  const absl::Status value = client.Put("limits", std::string((1 << 20) + 1, 'v')).status();
  EXPECT_EQ(GetReason(value), Reason::kLimitExceeded) << value;
  EXPECT_NE(GetErrorInfo(value)->limit.find("1048576"), std::string::npos) << value;
  const absl::Status key = client.Put(longest_key + "k", "v").status();
  EXPECT_EQ(GetReason(key), Reason::kLimitExceeded) << key;
  EXPECT_NE(GetErrorInfo(key)->limit.find("4096"), std::string::npos) << key;
  const absl::Status empty = client.Put("", "v").status();
  EXPECT_TRUE(absl::IsInvalidArgument(empty)) << empty;
  EXPECT_TRUE(absl::IsInvalidArgument(client.Get("").status()));
  EXPECT_FALSE(client.Delete("").ok());
  CallOptions elsewhere;
  elsewhere.keyspace = "nowhere";
  const absl::Status keyspace = client.Put("limits", "v", elsewhere).status();
  EXPECT_EQ(GetReason(keyspace), Reason::kKeyspaceUnknown) << keyspace;
  EXPECT_NE(std::string(keyspace.message()).find("nowhere"), std::string::npos) << keyspace;
  EXPECT_EQ(GetReason(client.Get("limits", elsewhere).status()), Reason::kKeyspaceUnknown);
  WriteBatch batch;
  for (int i = 0; i < 1025; ++i) batch.Put("limits", "v");
  EXPECT_FALSE(client.Batch(batch).ok());

  EXPECT_EQ(client.Get("limits")->record->value, "kept");
  EXPECT_EQ(LeadersCommit(), commit) << "a refused request left something in the log";
  // The limits themselves are within.
  EXPECT_TRUE(client.Put(longest_key, std::string(1 << 20, 'v')).ok());
  EXPECT_EQ(client.Get(longest_key)->record->value.size(), size_t{1} << 20);
}

TEST_F(BadRequestTest, UnaryCallsAreHeldToTheSame) {
  for (int node = 0; node < cluster_->size(); ++node) {
    const auto stub = Stub(node);
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    v1::PutRequest request;
    request.set_value("v");  // no key
    v1::PutResponse response;
    const grpc::Status status = stub->Put(&context, request, &response);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT) << status.error_message();
    EXPECT_FALSE(status.error_message().empty());
    EXPECT_FALSE(status.error_details().empty()) << "baton.v1.Error should be attached";
  }
}

TEST_F(BadRequestTest, GarbageOnThePeerPortHarmsNobody) {
  std::mt19937 random(7);
  const auto noise = [&random](size_t size) {
    std::string bytes(size, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    return bytes;
  };
  const std::string preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  for (int node = 0; node < cluster_->size(); ++node) {
    const std::string& address = cluster_->address(node);
    const int port = std::stoi(address.substr(address.rfind(':') + 1));
    for (const std::string& bytes : {noise(5), noise(100'000), preface + noise(10'000),
                                     std::string("GET / HTTP/1.1\r\n\r\n")}) {
      const int socket_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
      sockaddr_in to{};
      to.sin_family = AF_INET;
      to.sin_port = htons(static_cast<uint16_t>(port));
      to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      ASSERT_EQ(connect(socket_fd, reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
      send(socket_fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      close(socket_fd);
    }
    // Garbage inside well-formed gRPC: on the peers' own stream, before and instead of a Hello.
    grpc::GenericStub stub(grpc::CreateChannel(address, grpc::InsecureChannelCredentials()));
    for (const size_t size : {0, 3, 4, 64, 100'000}) {
      grpc::ClientContext context;
      context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
      grpc::CompletionQueue queue;
      auto stream = stub.PrepareCall(&context, "/baton.peer.v1.Peer/Stream", &queue);
      void* tag = nullptr;
      bool ok = false;
      stream->StartCall(nullptr);
      queue.Next(&tag, &ok);
      const grpc::Slice slice(noise(size));
      stream->Write(grpc::ByteBuffer(&slice, 1), nullptr);
      queue.Next(&tag, &ok);
      stream->WritesDone(nullptr);
      queue.Next(&tag, &ok);
      // The node ends the call, or answers and then ends it.
      grpc::ByteBuffer answer;
      do {
        stream->Read(&answer, nullptr);
        queue.Next(&tag, &ok);
      } while (ok);
      grpc::Status status;
      stream->Finish(&status, nullptr);
      queue.Next(&tag, &ok);
      EXPECT_NE(status.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED) << size << " bytes";
      queue.Shutdown();
    }
  }
  for (int node = 0; node < cluster_->size(); ++node) EXPECT_TRUE(cluster_->Running(node));
  ASSERT_TRUE(cluster_->AwaitHealthy());
  EXPECT_TRUE(cluster_->client().Put("after garbage", "v").ok());
}

TEST(NoQuorumTest, ARequestWithoutADeadlineIsAnsweredAllTheSame) {
  Cluster cluster;
  ASSERT_TRUE(cluster.client().Put("key", "kept").ok());
  const int leader = cluster.AwaitLeader();
  for (int i = 0; i < cluster.size(); ++i) {
    if (i != leader) cluster.Kill(i);
  }
  const auto stub = v1::Kv::NewStub(
      grpc::CreateChannel(cluster.address(leader), grpc::InsecureChannelCredentials()));
  v1::PutRequest request;
  request.set_key("key");
  request.set_value("changed");
  v1::PutResponse response;
  grpc::ClientContext context;  // no deadline here, no timeout_ms there
  const grpc::Status status = stub->Put(&context, request, &response);
  EXPECT_FALSE(status.ok());
  EXPECT_FALSE(status.error_message().empty());
  for (int i = 0; i < cluster.size(); ++i) cluster.Start(i);
  ASSERT_TRUE(cluster.AwaitHealthy());
  EXPECT_EQ(cluster.client().Get("key")->record->value, "kept");
}

// --- Segments.

std::vector<std::string> Segments(const Cluster& cluster, int node) {
  std::vector<std::string> segments;
  for (const auto& file : fs::directory_iterator(cluster.DataDirectory(node) + "/wal")) {
    if (file.is_regular_file() && file.file_size() >= 1 << 20) segments.push_back(file.path());
  }
  std::sort(segments.begin(), segments.end());
  return segments;
}

class BadSegmentTest : public ::testing::Test {
 protected:
  BadSegmentTest() {
    for (int i = 0; i < 20; ++i) {
      EXPECT_TRUE(cluster_.client().Put("key" + std::to_string(i), std::string(1000, 'v')).ok());
    }
    EXPECT_TRUE(cluster_.AwaitHealthy());
    victim_ = (cluster_.AwaitLeader() + 1) % cluster_.size();
    cluster_.Kill(victim_);
  }

  // The node says that its log cannot be trusted, by ending or by its status, and the others go on.
  void ExpectRefused() {
    cluster_.Start(victim_);
    EXPECT_TRUE(Eventually([&] {
      if (!cluster_.Running(victim_)) return true;
      const std::optional<NodeStatus> status = cluster_.Status(victim_);
      return status && status->state == "faulty" && !status->healthy && !status->reason.empty();
    })) << cluster_.Log(victim_);
    EXPECT_TRUE(cluster_.AwaitWritable());
    EXPECT_EQ(cluster_.client().Get("key7")->record->value, std::string(1000, 'v'));
  }

  Cluster cluster_;
  int victim_ = -1;
};

TEST_F(BadSegmentTest, ATruncatedSegmentKeepsTheNodeOut) {
  const std::vector<std::string> segments = Segments(cluster_, victim_);
  ASSERT_FALSE(segments.empty());
  fs::resize_file(segments.front(), 4096);
  ExpectRefused();
  EXPECT_EQ(fs::file_size(segments.front()), 4096u) << "evidence must not be overwritten";
}

TEST_F(BadSegmentTest, AFlippedByteBelowTheLastSyncKeepsTheNodeOut) {
  const std::vector<std::string> segments = Segments(cluster_, victim_);
  ASSERT_FALSE(segments.empty());
  std::fstream file(segments.front(), std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(12'000);
  const char byte = static_cast<char>(file.get());
  file.seekp(12'000);
  file.put(static_cast<char>(byte ^ 1));
  file.close();
  ExpectRefused();
}

TEST_F(BadSegmentTest, ASegmentOfAnotherClusterIsRefusedWithAnExplanation) {
  ClusterOptions single;
  single.nodes = 1;
  Cluster other(single);
  ASSERT_TRUE(other.client().Put("key7", "foreign").ok());
  other.Kill(0);
  const std::vector<std::string> foreign = Segments(other, 0);
  const std::vector<std::string> own = Segments(cluster_, victim_);
  ASSERT_FALSE(foreign.empty());
  ASSERT_FALSE(own.empty());
  fs::copy_file(foreign.front(), own.front(), fs::copy_options::overwrite_existing);
  cluster_.Start(victim_);
  EXPECT_GT(cluster_.AwaitExit(victim_), 0);
  const std::string log = cluster_.Log(victim_);
  EXPECT_NE(log.find(fs::path(own.front()).filename()), std::string::npos) << log;
  EXPECT_NE(log.find("cluster"), std::string::npos) << log;
  EXPECT_TRUE(cluster_.AwaitWritable());
  EXPECT_EQ(cluster_.client().Get("key7")->record->value, std::string(1000, 'v'));
}

// --- Sessions, by a client that is not the SDK.

class BadSessionTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(cluster_.AwaitWritable());
    leader_ = cluster_.AwaitLeader();
    ASSERT_GE(leader_, 0);
    const auto channel =
        grpc::CreateChannel(cluster_.address(leader_), grpc::InsecureChannelCredentials());
    kv_ = v1::Kv::NewStub(channel);
    sessions_ = v1::Sessions::NewStub(channel);
    v1::OpenSessionRequest open;
    open.mutable_context()->set_timeout_ms(30'000);
    v1::OpenSessionResponse opened;
    grpc::ClientContext context;
    const grpc::Status status = sessions_->Open(&context, open, &opened);
    ASSERT_TRUE(status.ok()) << status.error_message();
    session_ = opened.session();
    EXPECT_EQ(opened.ttl_ms(), 600'000u);
  }
  void Stamp(uint64_t sequence, v1::RequestContext* context) {
    context->set_timeout_ms(30'000);
    context->set_session(session_);
    context->set_sequence(sequence);
  }

  Cluster cluster_;
  int leader_ = -1;
  std::unique_ptr<v1::Kv::Stub> kv_;
  std::unique_ptr<v1::Sessions::Stub> sessions_;
  uint64_t session_ = 0;
};

TEST_F(BadSessionTest, ANumberThatStandsForAnotherRequestIsRefused) {
  v1::PutRequest put;
  Stamp(1, put.mutable_context());
  put.set_key("n");
  put.set_value("5");
  v1::PutResponse put_response;
  grpc::ClientContext first;
  ASSERT_TRUE(kv_->Put(&first, put, &put_response).ok());
  v1::IncrementRequest add;
  Stamp(1, add.mutable_context());
  add.set_key("n");
  add.set_by(1);
  v1::IncrementResponse add_response;
  grpc::ClientContext second;
  const grpc::Status refused = kv_->Increment(&second, add, &add_response);
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_NE(refused.error_message().find("another request"), std::string::npos);
  Stamp(2, add.mutable_context());
  grpc::ClientContext third;
  ASSERT_TRUE(kv_->Increment(&third, add, &add_response).ok());
  EXPECT_EQ(add_response.value(), 6);
}

TEST_F(BadSessionTest, WhatMakesNoSenseIsRefused) {
  v1::OpenSessionRequest open;
  open.mutable_context()->set_timeout_ms(30'000);
  open.set_ttl_ms(999);
  v1::OpenSessionResponse opened;
  grpc::ClientContext first;
  EXPECT_EQ(sessions_->Open(&first, open, &opened).error_code(),
            grpc::StatusCode::INVALID_ARGUMENT);
  v1::GetOutcomeRequest ask;
  ask.mutable_context()->set_timeout_ms(30'000);
  ask.set_session(session_);
  v1::GetOutcomeResponse outcome;
  grpc::ClientContext second;
  EXPECT_EQ(sessions_->GetOutcome(&second, ask, &outcome).error_code(),
            grpc::StatusCode::INVALID_ARGUMENT)
      << "of which number?";
  ask.set_session(session_ + 1'000);
  ask.set_sequence(1);
  grpc::ClientContext third;
  ASSERT_TRUE(sessions_->GetOutcome(&third, ask, &outcome).ok());
  EXPECT_EQ(outcome.outcome(), v1::OUTCOME_EXPIRED);
  v1::KeepSessionRequest keep;
  keep.mutable_context()->set_timeout_ms(30'000);
  keep.set_session(session_ + 1'000);
  v1::KeepSessionResponse kept;
  grpc::ClientContext fourth;
  EXPECT_EQ(sessions_->Keep(&fourth, keep, &kept).error_code(), grpc::StatusCode::NOT_FOUND);
}

}  // namespace
}  // namespace baton::testing
