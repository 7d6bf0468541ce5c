#include "tests/client/fake_server.h"

#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server_builder.h>

#include <utility>

#include "absl/status/status.h"
#include "base/check.h"

namespace baton::client {

using ServerStream = grpc::ServerReaderWriter<v1::ExchangeResponse, v1::ExchangeRequest>;

// An open stream. Writes come from its own thread and from Announce.
struct FakeServer::Open {
  grpc::ServerContext* context;
  ServerStream* stream;
  Mutex write_mutex;
};

class FakeServer::Kv final : public v1::Kv::Service {
 public:
  explicit Kv(FakeServer* owner) : owner_(owner) {}
  grpc::Status Exchange(grpc::ServerContext* context, ServerStream* stream) override {
    return owner_->Serve(context, stream);
  }

  grpc::Status Get(grpc::ServerContext*, const v1::GetRequest* request,
                   v1::GetResponse* response) override {
    const auto data = owner_->data();
    const auto at = data.find(request->key());
    response->mutable_position()->set_slot(5);
    response->set_found(at != data.end());
    if (at != data.end()) {
      response->mutable_record()->set_value(at->second);
      response->mutable_record()->set_revision(7);
    }
    return grpc::Status::OK;
  }

 private:
  FakeServer* const owner_;
};

class FakeServer::Cluster final : public v1::Cluster::Service {
 public:
  explicit Cluster(FakeServer* owner) : owner_(owner) {}
  grpc::Status Status(grpc::ServerContext*, const v1::StatusRequest*,
                      v1::StatusResponse* response) override {
    *response = owner_->StatusNow();
    return grpc::Status::OK;
  }
  grpc::Status Init(grpc::ServerContext*, const v1::InitRequest* request,
                    v1::InitResponse* response) override {
    if (request->members_size() == 0) {
      v1::Error error;
      error.set_reason(v1::REASON_FORMED_DIFFERENTLY);
      return Failed(grpc::StatusCode::FAILED_PRECONDITION, "another plan", error);
    }
    response->set_cluster_id(std::string("\x01\xab", 2));
    for (const auto& planned : request->members()) {
      response->add_members()->set_name(planned.name());
    }
    return grpc::Status::OK;
  }
  // Done by the leader; one that is to be removed is refused.
  grpc::Status ChangeMembers(grpc::ServerContext*, const v1::ChangeMembersRequest* request,
                             v1::ChangeMembersResponse* response) override {
    const v1::StatusResponse now = owner_->StatusNow();
    v1::Error error;
    if (now.state() == "unformed") {
      error.set_reason(v1::REASON_UNFORMED);
      return Failed(grpc::StatusCode::FAILED_PRECONDITION, "belongs to no cluster", error);
    }
    if (now.state() != "leader") {
      error.set_reason(now.leader().empty() ? v1::REASON_NO_LEADER : v1::REASON_NOT_LEADER);
      error.mutable_leader()->set_name(now.leader());
      error.mutable_leader()->set_address(now.leader_address());
      return Failed(grpc::StatusCode::UNAVAILABLE, "does not lead", error);
    }
    if (request->has_remove()) {
      error.set_reason(v1::REASON_MEMBERS_REFUSED);
      return Failed(grpc::StatusCode::FAILED_PRECONDITION, "would be no quorum", error);
    }
    response->set_epoch(7);
    response->mutable_member()->set_name(request->add().name());
    response->mutable_member()->set_node_id(22);
    response->mutable_member()->set_role(request->add().role());
    return grpc::Status::OK;
  }
  grpc::Status Digest(grpc::ServerContext*, const v1::DigestRequest* request,
                      v1::DigestResponse* response) override {
    response->set_digest(99);
    response->set_count(owner_->data().size());
    response->set_applied_slot(request->slot());
    return grpc::Status::OK;
  }
  grpc::Status Version(grpc::ServerContext*, const v1::VersionRequest*,
                       v1::VersionResponse* response) override {
    response->mutable_info()->set_version("1.2.3");
    response->mutable_info()->set_wire_version(4);
    return grpc::Status::OK;
  }

 private:
  static grpc::Status Failed(grpc::StatusCode code, const char* message, const v1::Error& error) {
    v1::RpcStatus details;
    details.add_details()->PackFrom(error);
    return grpc::Status(code, message, details.SerializeAsString());
  }

  FakeServer* const owner_;
};

FakeServer::FakeServer(std::string name, int port)
    : name_(std::move(name)),
      kv_(std::make_unique<Kv>(this)),
      cluster_(std::make_unique<Cluster>(this)) {
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:" + std::to_string(port), grpc::InsecureServerCredentials(),
                           &port_);
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.SetMaxReceiveMessageSize(64 << 20);
  builder.RegisterService(kv_.get());
  builder.RegisterService(cluster_.get());
  server_ = builder.BuildAndStart();
  BATON_CHECK(server_ != nullptr && port_ != 0);
  address_ = "127.0.0.1:" + std::to_string(port_);
}

FakeServer::~FakeServer() {
  BreakStreams();
  server_->Shutdown(std::chrono::system_clock::now());
  server_->Wait();
}

void FakeServer::SetState(const std::string& state, uint64_t round, const FakeServer* leader) {
  MutexLock lock(&mutex_);
  state_ = state;
  round_ = round;
  leader_ = leader == nullptr ? "" : leader->name();
  leader_address_ = leader == nullptr ? "" : leader->address();
}

void FakeServer::SetScript(Script script) {
  MutexLock lock(&mutex_);
  script_ = std::move(script);
}

void FakeServer::BreakStreams() {
  MutexLock lock(&mutex_);
  for (Open* open : open_) open->context->TryCancel();
}

void FakeServer::Announce(const FakeServer& leader) {
  v1::ExchangeResponse response;
  response.mutable_leader()->set_name(leader.name());
  response.mutable_leader()->set_address(leader.address());
  MutexLock lock(&mutex_);
  for (Open* open : open_) {
    MutexLock write_lock(&open->write_mutex);
    open->stream->Write(response);
  }
}

FakeServer::Reply FakeServer::Refuse(v1::Reason reason, const FakeServer* leader,
                                     uint32_t retry_after_ms) {
  Reply reply{Reply::Kind::kResult, {}};
  reply.result.set_code(static_cast<int>(absl::StatusCode::kUnavailable));
  v1::Error* const error = reply.result.mutable_error();
  error->set_reason(reason);
  error->set_retry_after_ms(retry_after_ms);
  error->set_message("as the test wants it");
  if (leader != nullptr) {
    error->mutable_leader()->set_name(leader->name());
    error->mutable_leader()->set_address(leader->address());
  }
  return reply;
}

int FakeServer::messages() const {
  MutexLock lock(&mutex_);
  return messages_;
}

int FakeServer::items() const {
  MutexLock lock(&mutex_);
  return items_;
}

int FakeServer::seen(const std::string& key) const {
  MutexLock lock(&mutex_);
  const auto at = seen_.find(key);
  return at == seen_.end() ? 0 : at->second;
}

int FakeServer::stored(const std::string& key) const {
  MutexLock lock(&mutex_);
  const auto at = stored_.find(key);
  return at == stored_.end() ? 0 : at->second;
}

size_t FakeServer::sessions() const {
  MutexLock lock(&mutex_);
  return sessions_.size();
}

std::map<std::string, std::string> FakeServer::data() const {
  MutexLock lock(&mutex_);
  return data_;
}

grpc::Status FakeServer::Serve(grpc::ServerContext* context, ServerStream* stream) {
  Open open{context, stream, {}};
  {
    MutexLock lock(&mutex_);
    open_.insert(&open);
  }
  bool broken = false;
  v1::ExchangeRequest request;
  while (!broken && stream->Read(&request)) {
    {
      MutexLock lock(&mutex_);
      ++messages_;
    }
    v1::ExchangeResponse response;
    for (const v1::ExchangeItem& item : request.items()) {
      Reply reply = Decide(item);
      if (reply.kind == Reply::Kind::kBreak) broken = true;
      if (reply.kind != Reply::Kind::kResult) continue;
      reply.result.set_id(item.id());
      *response.add_results() = std::move(reply.result);
    }
    if (broken || response.results_size() == 0) continue;
    MutexLock write_lock(&open.write_mutex);
    stream->Write(response);
  }
  MutexLock lock(&mutex_);
  open_.erase(&open);
  return broken ? grpc::Status(grpc::StatusCode::UNAVAILABLE, "broken by the test")
                : grpc::Status::OK;
}

FakeServer::Reply FakeServer::Decide(const v1::ExchangeItem& item) {
  Script script;
  {
    MutexLock lock(&mutex_);
    ++items_;
    if (item.has_put()) ++seen_[item.put().key()];
    if (item.has_open_session()) return {Reply::Kind::kResult, OpenSession()};
    script = script_;
  }
  Reply reply = script ? script(item) : Reply();
  if (reply.kind == Reply::Kind::kStore) {
    MutexLock lock(&mutex_);
    reply = {Reply::Kind::kResult, StoreOnce(item)};
  }
  return reply;
}

v1::ExchangeResult FakeServer::OpenSession() {
  v1::ExchangeResult result;
  result.mutable_open_session()->set_session(++revision_);
  sessions_.insert(revision_);
  return result;
}

// A put with a stamp that was stored before gets that answer.
v1::ExchangeResult FakeServer::StoreOnce(const v1::ExchangeItem& item) {
  const v1::RequestContext& context = item.put().context();
  if (!item.has_put() || context.session() == 0) return Store(item);
  const auto [kept, fresh] = kept_.try_emplace({context.session(), context.sequence()});
  if (fresh) kept->second = Store(item);
  return kept->second;
}

v1::ExchangeResult FakeServer::Store(const v1::ExchangeItem& item) {
  v1::ExchangeResult result;
  if (item.has_put()) {
    data_[item.put().key()] = item.put().value();
    ++stored_[item.put().key()];
    result.mutable_put()->mutable_position()->set_revision(++revision_);
    result.mutable_put()->set_durability(v1::DURABILITY_QUORUM);
  } else if (item.has_get()) {
    const auto at = data_.find(item.get().key());
    result.mutable_get()->set_found(at != data_.end());
    if (at != data_.end()) result.mutable_get()->mutable_record()->set_value(at->second);
  } else if (item.has_scan()) {
    // The page token is the first key of the next page.
    const std::string from =
        item.scan().page_token().empty() ? item.scan().prefix() : item.scan().page_token();
    v1::ScanResponse* const scan = result.mutable_scan();
    for (auto at = data_.lower_bound(from); at != data_.end(); ++at) {
      if (at->first.compare(0, item.scan().prefix().size(), item.scan().prefix()) != 0) break;
      if (scan->records_size() == static_cast<int>(item.scan().limit())) {
        scan->set_next_page_token(at->first);
        break;
      }
      scan->add_records()->set_key(at->first);
    }
  } else if (item.has_end_session()) {
    sessions_.erase(item.end_session().session());
    result.mutable_end_session();
  } else if (item.has_delete_()) {
    const bool existed = data_.erase(item.delete_().key()) > 0;
    if (item.delete_().want_existed()) result.mutable_delete_()->set_existed(existed);
    result.mutable_delete_()->mutable_position()->set_revision(++revision_);
  } else {
    result.set_code(static_cast<int>(absl::StatusCode::kUnimplemented));
    result.mutable_error()->set_reason(v1::REASON_NOT_SUPPORTED);
  }
  return result;
}

v1::StatusResponse FakeServer::StatusNow() const {
  MutexLock lock(&mutex_);
  v1::StatusResponse response;
  response.set_name(name_);
  response.set_cluster_id("\x0f");
  response.set_state(state_);
  response.mutable_ballot()->set_round(round_);
  response.set_leader(leader_);
  response.set_leader_address(leader_address_);
  response.set_applied_slot(5);
  response.set_healthy(true);
  v1::Member* const member = response.add_members();
  member->set_name(name_);
  member->set_client_address(address_);
  member->set_role(v1::ROLE_VOTER);
  return response;
}

}  // namespace baton::client
