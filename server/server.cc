#include "server/server.h"

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <random>
#include <utility>

#include "base/mutex.h"
#include "engine/storage/rocksdb_engine.h"
#include "server/build_info.h"
#include "server/data_directory.h"
#include "server/drain.h"
#include "server/faults/fault_injection.h"
#include "server/formation.h"
#include "server/http_port.h"
#include "server/member_change.h"
#include "server/memory_release.h"
#include "server/metrics_page.h"
#include "server/replica/replica_node.h"
#include "server/replica/thread_worker.h"
#include "server/rpc/channel.h"
#include "server/rpc/cluster_service.h"
#include "server/rpc/grpc_transport.h"
#include "server/rpc/kv_service.h"
#include "server/rpc/peer_service.h"
#include "server/rpc/sessions_service.h"
#include "wal/posix_file_system.h"
#include "wal/wal.h"

namespace baton::server {
namespace {

constexpr int64_t kTickStaleUs = 5'000'000;               // the main loop is stuck
constexpr auto kHangUp = std::chrono::milliseconds(300);  // for streams, when stopping
constexpr int64_t kWanWriteObjectiveUs = 5'000'000;       // of a new leader in its probation
constexpr auto kDrainPatience = std::chrono::seconds(3);  // for another to lead, when stopping
constexpr int kFatalExit = 3;

// A failed fsync, or a log from the future: what is in memory may not be what is on disk.
[[noreturn]] void StopAtOnce(const std::string& reason) {
  spdlog::critical("stopping at once: {}", reason);
  std::_Exit(kFatalExit);
}

// The process as a whole, and the service that clients of the data ask for by name.
void SetServing(grpc::Server* listener, bool serving) {
  listener->GetHealthCheckService()->SetServingStatus(serving);
  listener->GetHealthCheckService()->SetServingStatus("baton.v1.Kv", serving);
}

std::string VersionJson(const v1::VersionInfo& info) {
  return nlohmann::ordered_json{{"version", info.version()},
                                {"commit", info.commit()},
                                {"build", info.build()},
                                {"wire_version", info.wire_version()},
                                {"wal_version", info.wal_version()},
                                {"entry_version", info.entry_version()},
                                {"row_version", info.row_version()},
                                {"cluster_version", info.cluster_version()},
                                {"rocksdb", info.rocksdb()},
                                {"grpc", info.grpc()},
                                {"compiler", info.compiler()}}
             .dump() +
         "\n";
}

// Followers grant no lease on a proof of writing that is older than the limit, and a leader without
// traffic proves its disk every quarter of a lease: the limit must leave room for that.
absl::Status SetStall(const Options& options, consensus::Timing* timing) {
  if (options.stall_ms == 0) return absl::OkStatus();
  const int64_t stall_us = static_cast<int64_t>(options.stall_ms) * 1000;
  if (stall_us < timing->lease_us / 2) {
    return absl::InvalidArgumentError(
        "replica.stall_ms: " + std::to_string(options.stall_ms) + " is below half of the lease, " +
        std::to_string(timing->lease_us / 2000) + " ms in this cluster's profile");
  }
  timing->stall_us = stall_us;
  return absl::OkStatus();
}

}  // namespace

// Declared in the order of building; destroyed in reverse, after Stop has quieted everything.
struct Server::Parts {
  Parts(const Options& o, std::function<void()> w) : options(o), wake(std::move(w)) {}

  const Options options;
  const std::function<void()> wake;
  const v1::VersionInfo version = BuildVersion();
  wal::PosixFileSystem fs;
  SystemClock clock;
  RpcMetrics rpc_metrics;
  NodeHandle handle;
  GrpcPeerCaller caller;
  std::unique_ptr<DataDirectory> directory;
  std::unique_ptr<engine::Engine> engine;  // null at a witness
  std::unique_ptr<ReplicaNode> node;       // its destructor needs transport and worker no more
  std::unique_ptr<Formation> formation;
  std::unique_ptr<MemberChange> member_change;
  std::unique_ptr<PeerService> peer_service;
  std::unique_ptr<ClusterService> cluster_service;
  std::unique_ptr<KvService> kv_service;
  std::unique_ptr<SessionsService> sessions_service;
  std::unique_ptr<GrpcTransport> transport;
  std::unique_ptr<FaultInjection> faults;  // null unless asked for
  std::unique_ptr<ThreadWorker> worker;
  std::unique_ptr<ThreadWorker> coordinator;
  std::vector<std::unique_ptr<grpc::Server>> listeners;  // clients', then peers' if another
  std::unique_ptr<HttpPort> http;

  std::atomic<const ReplicaNode*> running{nullptr};  // node, once it runs; for other threads
  std::atomic<bool> ready{false};
  std::atomic<bool> stopping{false};
  std::atomic<bool> reopen{false};  // the node wants to be started anew
  std::atomic<int64_t> last_tick_us{0};
  MemoryRelease memory_release;  // of the main loop
  bool stopped = false;

  void Reopen() {
    reopen = true;
    wake();
  }
};

Server::Server(const Options& options, std::function<void()> wake)
    : parts_(std::make_unique<Parts>(options, std::move(wake))) {}

absl::StatusOr<std::unique_ptr<Server>> Server::Start(const Options& options,
                                                      std::function<void()> wake) {
  std::unique_ptr<Server> server(new Server(options, std::move(wake)));
  Parts& p = *server->parts_;
  absl::StatusOr<std::unique_ptr<DataDirectory>> directory =
      DataDirectory::Open(&p.fs, options.data_dir, options.name);
  if (!directory.ok()) return directory.status();
  p.directory = *std::move(directory);
  p.worker = std::make_unique<ThreadWorker>();
  p.coordinator = std::make_unique<ThreadWorker>();
  p.formation = std::make_unique<Formation>(
      p.directory.get(),
      Formation::Self{options.name, options.client_address, options.peer_address}, &p.caller,
      &p.clock, p.worker.get(), p.coordinator.get(), p.wake, [&p] { p.Reopen(); });
  p.member_change = std::make_unique<MemberChange>(&p.handle, p.formation.get(), &p.caller,
                                                   &p.clock, p.coordinator.get());
  if (absl::Status status = server->Listen(); !status.ok()) return status;
  if (absl::Status status = server->StartFaults(); !status.ok()) return status;
  if (absl::Status status = server->StartHttp(); !status.ok()) return status;
  if (absl::Status status = server->Tick(); !status.ok()) return status;
  if (p.node == nullptr) {
    spdlog::info("unformed: waiting for `baton cluster init`");
  }
  return server;
}

absl::Status Server::Listen() {
  Parts& p = *parts_;
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  p.peer_service = std::make_unique<PeerService>(p.formation.get());
  p.kv_service = std::make_unique<KvService>(&p.handle, &p.clock, p.options.name, &p.rpc_metrics);
  p.sessions_service = std::make_unique<SessionsService>(&p.handle, &p.clock);
  p.cluster_service = std::make_unique<ClusterService>(
      &p.handle, p.formation.get(), p.member_change.get(), &p.clock, p.version,
      [transport = &p.transport] { return (*transport)->Report(); });

  grpc::ServerBuilder clients;
  grpc::ServerBuilder peers;
  const bool one_listener = p.options.client_address == p.options.peer_address;
  ConfigureListener(&clients);
  clients.RegisterService(p.kv_service.get());
  clients.RegisterService(p.sessions_service.get());
  clients.RegisterService(p.cluster_service.get());
  ConfigureListener(&peers);
  grpc::ServerBuilder* const peer_listener = one_listener ? &clients : &peers;
  peer_listener->RegisterService(p.peer_service.get());
  p.transport = std::make_unique<GrpcTransport>(peer_listener, p.peer_service.get());

  const auto listen = [&p](grpc::ServerBuilder* builder, const std::string& address) {
    int port = 0;
    builder->AddListeningPort(address, grpc::InsecureServerCredentials(), &port);
    std::unique_ptr<grpc::Server> server = builder->BuildAndStart();
    if (server == nullptr || port == 0) {
      return absl::UnavailableError("cannot listen on " + address +
                                    ": is the port in use, the host this machine's?");
    }
    SetServing(server.get(), false);
    p.listeners.push_back(std::move(server));
    return absl::OkStatus();
  };
  if (absl::Status status = listen(&clients, p.options.client_address); !status.ok()) {
    return status;
  }
  if (!one_listener) {
    if (absl::Status status = listen(&peers, p.options.peer_address); !status.ok()) return status;
  }
  p.transport->Start();
  spdlog::info("listening on {} for clients, on {} for peers", p.options.client_address,
               p.options.peer_address);
  return absl::OkStatus();
}

absl::Status Server::StartFaults() {
  Parts& p = *parts_;
  if (!p.options.fault_injection) return absl::OkStatus();
  const auto peers = [&p] {
    const ReplicaNode* node = p.running.load(std::memory_order_acquire);
    if (node == nullptr) return std::vector<MemberInfo>();
    const NodeStatus status = node->Status();
    std::vector<MemberInfo> others = status.members;
    std::erase_if(others, [&](const MemberInfo& member) { return member.node == status.node; });
    return others;
  };
  absl::StatusOr<std::unique_ptr<FaultInjection>> faults =
      FaultInjection::Start(p.options.data_dir, &p.fs, p.transport.get(), &p.clock, peers);
  if (!faults.ok()) return faults.status();
  p.faults = *std::move(faults);
  return absl::OkStatus();
}

absl::Status Server::StartNode() {
  Parts& p = *parts_;
  wal::FileSystem* const fs = p.faults ? p.faults->file_system() : &p.fs;
  Transport* const transport = p.faults ? p.faults->transport() : p.transport.get();
  const FormationRecord formed = *p.formation->Formed();
  ReplicaOptions options;
  options.cluster = formed.cluster;
  options.epoch = formed.epoch;
  options.members = formed.members;
  for (const MemberInfo& member : formed.members) {
    if (member.node == formed.self) options.self = member;
  }
  options.timing = formed.profile == "wan" ? consensus::kWanTiming : consensus::kLanTiming;
  if (formed.profile == "wan") options.write_objective_us = kWanWriteObjectiveUs;
  if (absl::Status s = SetStall(p.options, &options.timing); !s.ok()) return s;
  options.wishes.barred = p.options.barred;
  options.wishes.region = static_cast<uint8_t>(p.options.region);
  options.wishes.priority = static_cast<uint8_t>(p.options.priority);
  options.seed = std::random_device()();
  options.lease_reads = p.options.lease_reads;
  options.wal_directory = p.directory->wal_path();
  options.wal.segment_bytes = p.options.segment_bytes;
  options.disk_reserve_bytes = p.options.disk_reserve_bytes;
  options.queue_calls_max = p.options.queue_calls_max;
  options.fatal = StopAtOnce;
  options.snapshot_directory = p.directory->snapshot_path();
  options.dropped_directory = p.directory->dropped_path();
  options.log_retention_bytes = p.options.log_retention_bytes;
  options.snapshot_bytes_per_second = p.options.snapshot_bytes_per_second;
  options.reopen = [&p] { p.Reopen(); };
  options.recovery = formed.recovery;
  options.left_behind = p.directory->left_behind();
  if (!p.directory->log_made()) {
    const wal::Identity identity{options.cluster, options.self.node, options.self.directory};
    const auto log = wal::Wal::Open(fs, options.wal_directory, identity, options.wal);
    if (!log.ok()) return log.status();
    if (absl::Status s = p.directory->NoteLogMade(); !s.ok()) return s;
  }
  options.wal.create_if_missing = false;  // this node may have voted

  if (options.self.role != v1::ROLE_WITNESS) {
    engine::RocksDbOptions storage;
    storage.block_cache_bytes = p.options.block_cache_bytes;
    absl::StatusOr<std::unique_ptr<engine::RocksDbEngine>> engine =
        engine::RocksDbEngine::Open(p.directory->db_path(), storage);
    if (!engine.ok()) return engine.status();
    p.engine = *std::move(engine);
  }
  absl::StatusOr<std::unique_ptr<ReplicaNode>> node =
      ReplicaNode::Start(options, fs, p.engine.get(), transport, &p.clock, p.worker.get());
  if (!node.ok()) return node.status();
  p.node = *std::move(node);
  PeerIdentity identity{formed.cluster, formed.self, options.self.directory};
  if (formed.recovery) {
    identity.left_behind = formed.recovery->left_behind;
    identity.epoch = formed.epoch;
  }
  p.transport->Open(
      identity,
      [node = p.node.get()](consensus::Message message) { node->Receive(std::move(message)); },
      [&p](const std::string& why) { p.formation->LeftBehind(why); });
  p.handle.Set(p.node.get());
  p.running.store(p.node.get(), std::memory_order_release);
  spdlog::info("node {} ({}) of cluster {}, {} members, profile {}", options.self.name,
               formed.self.value, ToString(formed.cluster), formed.members.size(), formed.profile);
  return absl::OkStatus();
}

absl::Status Server::StartHttp() {
  Parts& p = *parts_;
  if (p.options.http_address.empty()) return absl::OkStatus();
  HttpPages pages;
  pages.metrics = [this] { return Metrics(); };
  pages.not_live = [&p]() -> std::string {
    const int64_t silent_us = p.clock.LeaseNowUs() - p.last_tick_us.load();
    return silent_us > kTickStaleUs ? "the main loop does not move" : "";
  };
  pages.not_ready = [this] { return NotReady(); };
  pages.details = [&p]() -> std::string {
    const ReplicaNode* node = p.running.load(std::memory_order_acquire);
    if (node == nullptr) return "node: none\n";
    const NodeStatus status = node->Status();
    return "state: " + status.state + "\nleader: " + (status.leader ? status.leader->name : "") +
           "\nballot: " + ToString(status.ballot) + "\ndurable: " + ToString(status.durable) +
           "\ncommit: " + ToString(status.commit) + "\napplied: " + ToString(status.applied) + "\n";
  };
  pages.version = VersionJson(p.version);
  p.last_tick_us = p.clock.LeaseNowUs();
  absl::StatusOr<std::unique_ptr<HttpPort>> http =
      HttpPort::Start(p.options.http_address, std::move(pages));
  if (!http.ok()) return http.status();
  p.http = *std::move(http);
  spdlog::info("listening on {} for HTTP", p.options.http_address);
  return absl::OkStatus();
}

bool Server::WantsReopen() const { return parts_->reopen; }

std::string Server::NotReady() const {
  const Parts& p = *parts_;
  if (p.stopping) return "stopping";
  const ReplicaNode* node = p.running.load(std::memory_order_acquire);
  if (node == nullptr) return p.formation->Formed() ? "starting" : "unformed";
  const NodeStatus status = node->Status();
  if (status.healthy) return "";
  return status.reason.empty() ? "no leader" : status.reason;
}

std::string Server::Metrics() const {
  const Parts& p = *parts_;
  MetricsSources sources;
  sources.version = &p.version;
  sources.rpc = &p.rpc_metrics;
  sources.peer_port = &p.transport->port_metrics();
  sources.peers = p.transport->Report();
  sources.ready = p.ready;
  sources.formed = p.formation->Formed().has_value();
  if (const ReplicaNode* node = p.running.load(std::memory_order_acquire)) {
    sources.replica = &node->metrics();
    sources.properties = node->Properties();
    sources.keyspaces = node->Keyspaces();
  }
  return MetricsPage(sources);
}

absl::Status Server::Tick() {
  Parts& p = *parts_;
  p.last_tick_us = p.clock.LeaseNowUs();
  if (p.node == nullptr && p.formation->Formed()) {
    p.handle.SetFormed();
    if (absl::Status status = StartNode(); !status.ok()) return status;
  }
  const bool ready = NotReady().empty();
  if (ready != p.ready.exchange(ready)) {
    if (ready) {
      spdlog::info("ready: writes can be sustained");
    } else {
      spdlog::warn("not ready: {}", NotReady());
    }
    for (const auto& listener : p.listeners) {
      SetServing(listener.get(), ready);
    }
  }
  uint64_t work = p.rpc_metrics.unary_calls.Get() + p.rpc_metrics.exchange_requests.Get();
  if (p.node != nullptr) work += p.node->metrics().wal_append_bytes.Get();
  if (p.memory_release.Tick(work, p.last_tick_us)) spdlog::debug("idle: gave memory back");
  return absl::OkStatus();
}

void Server::Drain() {
  Parts& p = *parts_;
  if (p.node != nullptr) server::Drain(p.node.get(), p.options.name, kDrainPatience);
}

void Server::Stop() {
  Parts& p = *parts_;
  if (std::exchange(p.stopped, true)) return;
  p.stopping = true;
  p.ready = false;
  for (const auto& listener : p.listeners) {
    SetServing(listener.get(), false);
  }
  if (p.kv_service != nullptr) p.kv_service->Stop();
  if (p.faults != nullptr) p.faults->Stop();
  if (p.node != nullptr) p.node->Stop();
  if (p.transport != nullptr) p.transport->Close();
  p.coordinator.reset();
  for (const auto& listener : p.listeners) {
    listener->Shutdown(std::chrono::system_clock::now() + kHangUp);
  }
  p.worker.reset();
  p.http.reset();
  // The transport waits for its streams, which the listeners have ended.
  p.transport.reset();
  p.listeners.clear();
  p.node.reset();
  p.faults.reset();
  p.engine.reset();
}

Server::~Server() { Stop(); }

}  // namespace baton::server
