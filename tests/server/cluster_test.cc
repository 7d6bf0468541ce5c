// Three whole servers in one process, over loopback and real directories.
#include <gmock/gmock.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <httplib.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "baton/v1/cluster_service.grpc.pb.h"
#include "baton/v1/kv_service.grpc.pb.h"
#include "server/server.h"
#include "tests/loopback.h"

namespace baton::server {
namespace {

using loopback::FreePort;
using loopback::Loopback;

using testing::HasSubstr;

// Asks a server to describe itself, as a client does that knows nothing of Baton.
class Reflection {
 public:
  explicit Reflection(const std::shared_ptr<grpc::Channel>& channel) : stub_(channel) {}

  std::vector<std::string> Services() {
    const auto answer = Ask("list_services", "*");
    const Message& list = answer->GetReflection()->GetMessage(
        *answer, answer->GetDescriptor()->FindFieldByName("list_services_response"));
    const auto* services = list.GetDescriptor()->FindFieldByName("service");
    std::vector<std::string> names;
    for (int i = 0; i < list.GetReflection()->FieldSize(list, services); ++i) {
      const Message& service = list.GetReflection()->GetRepeatedMessage(list, services, i);
      names.push_back(service.GetReflection()->GetString(
          service, service.GetDescriptor()->FindFieldByName("name")));
    }
    return names;
  }
  bool Describes(const std::string& symbol) {
    const auto answer = Ask("file_containing_symbol", symbol);
    return answer->GetReflection()->HasField(
        *answer, answer->GetDescriptor()->FindFieldByName("file_descriptor_response"));
  }

 private:
  using Message = google::protobuf::Message;

  static std::unique_ptr<Message> Make(const std::string& type) {
    const auto* descriptor =
        google::protobuf::DescriptorPool::generated_pool()->FindMessageTypeByName(
            "grpc.reflection.v1alpha." + type);
    return std::unique_ptr<Message>(
        google::protobuf::MessageFactory::generated_factory()->GetPrototype(descriptor)->New());
  }
  std::unique_ptr<Message> Ask(const std::string& field, const std::string& value) {
    const auto question = Make("ServerReflectionRequest");
    question->GetReflection()->SetString(question.get(),
                                         question->GetDescriptor()->FindFieldByName(field), value);
    const grpc::Slice bytes(question->SerializeAsString());
    const grpc::ByteBuffer request(&bytes, 1);
    grpc::ByteBuffer response;
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(5));
    std::promise<grpc::Status> done;
    stub_.UnaryCall(&context, "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
                    grpc::StubOptions(), &request, &response,
                    [&](grpc::Status status) { done.set_value(std::move(status)); });
    const grpc::Status status = done.get_future().get();
    EXPECT_TRUE(status.ok()) << status.error_message();
    grpc::Slice answer_bytes;
    EXPECT_TRUE(response.DumpToSingleSlice(&answer_bytes).ok());
    auto answer = Make("ServerReflectionResponse");
    EXPECT_TRUE(
        answer->ParseFromArray(answer_bytes.begin(), static_cast<int>(answer_bytes.size())));
    return answer;
  }

  grpc::GenericStub stub_;
};

// A server and the main loop that ticks it.
class RunningServer {
 public:
  explicit RunningServer(const Options& options) : options_(options) {}
  ~RunningServer() { Stop(); }

  absl::Status Start() {
    auto server = Server::Start(options_, [] {});
    if (!server.ok()) return server.status();
    server_ = *std::move(server);
    stop_ = false;
    loop_ = std::thread([this] {
      while (!stop_) {
        EXPECT_TRUE(server_->Tick().ok());
        usleep(10'000);
      }
    });
    return absl::OkStatus();
  }
  void Stop() {
    stop_ = true;
    if (loop_.joinable()) loop_.join();
    server_.reset();
  }
  const Options& options() const { return options_; }

 private:
  const Options options_;
  std::unique_ptr<Server> server_;
  std::atomic<bool> stop_{false};
  std::thread loop_;
};

class ClusterTest : public testing::Test {
 protected:
  ClusterTest() {
    std::filesystem::remove_all(root_);
    for (int i = 1; i <= 3; ++i) {
      Options options;
      options.name = "n" + std::to_string(i);
      options.data_dir = root_ + "/" + options.name;
      options.client_address = Loopback(FreePort());
      // The second node keeps its peers apart from its clients.
      options.peer_address = i == 2 ? Loopback(FreePort()) : options.client_address;
      if (i == 1) options.http_address = Loopback(FreePort());
      options.segment_bytes = 8 << 20;
      servers_.push_back(std::make_unique<RunningServer>(options));
    }
  }
  ~ClusterTest() override {
    servers_.clear();
    std::filesystem::remove_all(root_);
  }

  void StartAll() {
    for (auto& server : servers_) {
      const absl::Status status = server->Start();
      ASSERT_TRUE(status.ok()) << status;
    }
  }
  std::shared_ptr<grpc::Channel> Channel(int i) {
    return grpc::CreateChannel(servers_[i]->options().client_address,
                               grpc::InsecureChannelCredentials());
  }
  static void Prepare(grpc::ClientContext* context) {
    context->set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(5));
    context->set_wait_for_ready(true);
  }
  grpc::Status Init(int i, v1::InitResponse* response) {
    v1::InitRequest request;
    for (auto& server : servers_) {
      auto* member = request.add_members();
      member->set_name(server->options().name);
      member->set_peer_address(server->options().peer_address);
    }
    grpc::ClientContext context;
    Prepare(&context);
    return v1::Cluster::NewStub(Channel(i))->Init(&context, request, response);
  }
  v1::StatusResponse StatusOf(int i) {
    grpc::ClientContext context;
    Prepare(&context);
    v1::StatusResponse response;
    EXPECT_TRUE(v1::Cluster::NewStub(Channel(i))->Status(&context, {}, &response).ok());
    return response;
  }
  // Until it goes through: right after formation there is no leader yet.
  v1::PutResponse Put(int i, const std::string& key, const std::string& value) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    v1::PutRequest request;
    request.set_key(key);
    request.set_value(value);
    while (true) {
      grpc::ClientContext context;
      Prepare(&context);
      v1::PutResponse response;
      const grpc::Status status = v1::Kv::NewStub(Channel(i))->Put(&context, request, &response);
      if (status.ok()) return response;
      if (std::chrono::steady_clock::now() > end) {
        ADD_FAILURE() << status.error_message();
        return response;
      }
      usleep(10'000);
    }
  }
  std::string Get(int i, const std::string& key) {
    grpc::ClientContext context;
    Prepare(&context);
    v1::GetRequest request;
    request.set_key(key);
    v1::GetResponse response;
    const grpc::Status status = v1::Kv::NewStub(Channel(i))->Get(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response.record().value();
  }
  v1::DigestResponse Digest(int i, uint64_t slot) {
    grpc::ClientContext context;
    Prepare(&context);
    v1::DigestRequest request;
    request.set_slot(slot);
    v1::DigestResponse response;
    const grpc::Status status =
        v1::Cluster::NewStub(Channel(i))->Digest(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }

  const std::string root_ = testing::TempDir() + "/cluster_test_" + std::to_string(getpid());
  std::vector<std::unique_ptr<RunningServer>> servers_;
};

TEST_F(ClusterTest, FormsServesRestartsAndStops) {
  StartAll();
  EXPECT_EQ(StatusOf(0).state(), "unformed");
  const std::string& http = servers_[0]->options().http_address;
  httplib::Client web("http://" + http);
  EXPECT_EQ(web.Get("/livez")->status, 200);
  EXPECT_EQ(web.Get("/readyz")->status, 503);
  EXPECT_THAT(web.Get("/readyz")->body, HasSubstr("unformed"));

  v1::InitResponse formed;
  const grpc::Status init = Init(1, &formed);
  ASSERT_TRUE(init.ok()) << init.error_message();
  EXPECT_EQ(formed.members_size(), 3);
  EXPECT_EQ(formed.members(1).client_address(), servers_[1]->options().client_address);
  v1::InitResponse again;
  ASSERT_TRUE(Init(0, &again).ok());
  EXPECT_TRUE(again.already_formed());
  EXPECT_EQ(again.cluster_id(), formed.cluster_id());

  uint64_t slot = 0;
  for (int i = 0; i < 3; ++i) {
    const v1::PutResponse put = Put(i, "key" + std::to_string(i), "value");
    EXPECT_EQ(put.durability(), v1::DURABILITY_QUORUM);
    slot = put.position().slot();
  }
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Get(i, "key0"), "value");
  const v1::DigestResponse digest = Digest(0, slot);
  EXPECT_EQ(digest.count(), 3u);
  for (int i = 1; i < 3; ++i) EXPECT_EQ(Digest(i, slot).digest(), digest.digest());
  EXPECT_THAT(web.Get("/metrics")->body, HasSubstr("baton_peer_connected{peer=\"n2\"} 1"));
  EXPECT_THAT(web.Get("/readyz?verbose")->body, HasSubstr("leader: n"));
  EXPECT_THAT(web.Get("/version")->body, HasSubstr("\"wire_version\":1"));

  // Two of three go on without the third, which catches up when it is back.
  servers_[2]->Stop();
  slot = Put(0, "while n3 was away", "value").position().slot();
  ASSERT_TRUE(servers_[2]->Start().ok());
  EXPECT_EQ(Digest(2, slot).digest(), Digest(0, slot).digest());
}

TEST_F(ClusterTest, DescribesEveryServiceItLists) {
  ASSERT_TRUE(servers_[0]->Start().ok());
  Reflection reflection(Channel(0));
  const std::vector<std::string> services = reflection.Services();
  EXPECT_THAT(services, testing::IsSupersetOf({"baton.v1.Kv", "baton.v1.Cluster",
                                               "baton.peer.v1.Peer", "grpc.health.v1.Health"}));
  for (const std::string& service : services) {
    EXPECT_TRUE(reflection.Describes(service)) << service;
  }
  EXPECT_TRUE(reflection.Describes("baton.v1.Error"));
  EXPECT_FALSE(reflection.Describes("baton.v1.Nothing"));
}

TEST_F(ClusterTest, WhatIsTakenIsRefused) {
  ASSERT_TRUE(servers_[0]->Start().ok());
  Options options = servers_[1]->options();

  Options same_directory = options;
  same_directory.name = "n1";
  same_directory.data_dir = servers_[0]->options().data_dir;
  EXPECT_THAT(std::string(RunningServer(same_directory).Start().message()), HasSubstr("in use"));

  Options same_port = options;
  same_port.client_address = servers_[0]->options().client_address;
  EXPECT_THAT(std::string(RunningServer(same_port).Start().message()),
              HasSubstr("cannot listen on"));

  Options same_http = options;
  same_http.http_address = servers_[0]->options().http_address;
  EXPECT_THAT(std::string(RunningServer(same_http).Start().message()), HasSubstr("for HTTP"));
  EXPECT_TRUE(RunningServer(options).Start().ok());
}

}  // namespace
}  // namespace baton::server
