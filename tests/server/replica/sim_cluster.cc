#include "tests/server/replica/sim_cluster.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "server/codec/peer_codec.h"
#include "server/replica/durable_log.h"

namespace baton::server {

bool SimWorker::RunOnce() {
  if (tasks_.empty()) return false;
  std::function<void()> task = std::move(tasks_.front());
  tasks_.pop_front();
  task();
  return true;
}

class SimCluster::Net : public Transport {
 public:
  Net(SimCluster* cluster, uint32_t self) : cluster_(cluster), self_(self) {}
  void Send(consensus::Message message) override { cluster_->Carry(self_, message); }
  bool Connected(NodeId peer) const override { return cluster_->nodes_[peer.value - 1]->alive; }

 private:
  SimCluster* const cluster_;
  const uint32_t self_;
};

SimCluster::SimCluster(SimOptions options) : options_(std::move(options)), random_(options_.seed) {
  for (uint32_t n = 1; n <= options_.nodes; ++n) {
    auto node = std::make_unique<Node>();
    node->fs = std::make_unique<wal::MemoryFileSystem>();
    engine::MemoryEngineOptions engine_options;
    engine_options.cold_cache = options_.cold_cache;
    node->engine = std::make_unique<engine::MemoryEngine>(engine_options);
    node->worker = std::make_unique<SimWorker>();
    node->net = std::make_unique<Net>(this, n);
    nodes_.push_back(std::move(node));
  }
  for (uint32_t n = 1; n <= options_.nodes; ++n) Start(n);
}

SimCluster::~SimCluster() {
  for (auto& node : nodes_) {
    node->alive = false;
    node->node.reset();
  }
}

void SimCluster::Start(uint32_t n) {
  const absl::Status status = TryStart(n);
  BATON_CHECK(status.ok()) << std::string(status.message());
}

absl::Status SimCluster::TryStart(uint32_t n) {
  Node& node = *nodes_[n - 1];
  BATON_CHECK(node.node == nullptr);
  ReplicaOptions options;
  options.cluster = Id128{7, 7};
  for (uint32_t i = 1; i <= options_.nodes; ++i) {
    MemberInfo member;
    member.node = NodeId{i};
    member.name = "n" + std::to_string(i);
    member.directory = Id128{1, i};
    member.client_address = "sim:" + std::to_string(i);
    options.members.push_back(member);
  }
  options.self = options.members[n - 1];
  options.seed = options_.seed * 1000 + n * 100 + ++node.starts;
  options.wal_directory = wal_directory(n);
  options.wal.segment_bytes = 256 << 10;
  options.wal.segments_ahead = 1;
  options.disk_reserve_bytes = 0;
  options.threads = false;
  options.fatal = [&node](const std::string& reason) { node.fatal.push_back(reason); };
  if (options_.adjust) options_.adjust(&options);
  auto started = ReplicaNode::Start(options, node.fs.get(), node.engine.get(), node.net.get(),
                                    &clock_, node.worker.get());
  if (!started.ok()) return started.status();
  node.node = *std::move(started);
  node.alive = true;
  return absl::OkStatus();
}

void SimCluster::Crash(uint32_t n, bool tear) {
  Node& node = *nodes_[n - 1];
  node.alive = false;  // nothing that it says from now on is heard
  node.fs->Crash({.seed = random_(), .tear = tear});
  node.node.reset();
  node.engine->LoseUnflushed();
  node.fatal.clear();  // its writes failed on the way down
}

void SimCluster::Stop(uint32_t n) {
  Node& node = *nodes_[n - 1];
  node.node->Stop();
  node.alive = false;
  node.node.reset();
}

void SimCluster::Isolate(uint32_t n, bool isolated) { nodes_[n - 1]->isolated = isolated; }

void SimCluster::StickDisk(uint32_t n, bool stuck) { nodes_[n - 1]->stuck = stuck; }

void SimCluster::SlowDisk(uint32_t n, int64_t every_us) { nodes_[n - 1]->log_every_us = every_us; }

bool SimCluster::LogMayRun(const Node& node) const {
  if (node.stuck) return false;
  return node.log_every_us == 0 || clock_.now_us % node.log_every_us == 0;
}

void SimCluster::Carry(uint32_t from, const consensus::Message& message) {
  const uint32_t to = message.to.value;
  BATON_CHECK(to >= 1 && to <= nodes_.size() && to != from);
  if (!nodes_[from - 1]->alive) return;
  std::uniform_real_distribution<double> chance(0, 1);
  const FramedMessage framed = FrameMessage(message);
  std::string bytes = framed.head;
  for (const auto& entry : framed.entries) bytes += *entry;
  const int copies = chance(random_) < options_.duplicate ? 2 : 1;
  for (int i = 0; i < copies; ++i) {
    if (chance(random_) < options_.drop) continue;
    const int64_t at_us =
        clock_.now_us + 50 + static_cast<int64_t>(random_() % options_.delay_us_max);
    flights_.emplace(at_us, Flight{at_us, bytes, from, to});
  }
}

bool SimCluster::Step() {
  if (!flights_.empty() && flights_.begin()->first <= clock_.now_us) {
    const Flight flight = std::move(flights_.begin()->second);
    flights_.erase(flights_.begin());
    Node& to = *nodes_[flight.to - 1];
    if (!to.alive || to.isolated || nodes_[flight.from - 1]->isolated) return true;
    const std::string_view slices[] = {flight.bytes};
    auto messages = ParseFrames(slices);
    BATON_CHECK(messages.ok()) << std::string(messages.status().message());
    for (PeerMessage& message : *messages) {
      to.node->Receive(std::move(std::get<consensus::Message>(message)));
    }
    return true;
  }
  struct Turn {
    Stage* stage;
    SimWorker* worker;
  };
  std::vector<Turn> turns;
  for (auto& node : nodes_) {
    if (!node->alive) continue;
    for (Stage* stage : node->node->stages()) {
      if (dynamic_cast<DurableLog*>(stage) != nullptr && !LogMayRun(*node)) continue;
      turns.push_back({stage, nullptr});
    }
    turns.push_back({nullptr, node->worker.get()});
  }
  std::shuffle(turns.begin(), turns.end(), random_);
  for (const Turn& turn : turns) {
    if (turn.stage != nullptr ? turn.stage->RunOnce() : turn.worker->RunOnce()) return true;
  }
  return false;
}

int64_t SimCluster::NextUs() {
  int64_t next_us = flights_.empty() ? kNever : flights_.begin()->first;
  for (auto& node : nodes_) {
    if (!node->alive) continue;
    for (Stage* stage : node->node->stages()) next_us = std::min(next_us, stage->NextDeadlineUs());
    if (node->log_every_us == 0) continue;
    next_us = std::min(next_us, (clock_.now_us / node->log_every_us + 1) * node->log_every_us);
  }
  return next_us;
}

bool SimCluster::RunUntil(const std::function<bool()>& done, int64_t for_us) {
  const int64_t end_us = clock_.now_us + for_us;
  while (!done()) {
    if (Step()) continue;
    if (clock_.now_us >= end_us) return false;
    clock_.now_us = std::min(end_us, std::max(clock_.now_us + 1, NextUs()));
  }
  return true;
}

uint32_t SimCluster::Leader() {
  for (uint32_t n = 1; n <= size(); ++n) {
    if (nodes_[n - 1]->alive && node(n)->metrics().is_leader.Get() == 1) return n;
  }
  return 0;
}

uint32_t SimCluster::ElectLeader(int64_t for_us) {
  RunUntil([this] { return Leader() != 0; }, for_us);
  return Leader();
}

uint64_t SimCluster::Submit(uint32_t n, std::vector<Request> requests, int64_t timeout_us,
                            const ReadLevel& level) {
  const uint64_t first = next_tag_;
  std::vector<Call> calls;
  for (Request& request : requests) {
    Call call;
    call.tag = next_tag_++;
    call.context.deadline_us = clock_.now_us + timeout_us;
    call.request = std::move(request);
    call.level = level;
    calls.push_back(std::move(call));
  }
  node(n)->Submit(std::move(calls), sink_);
  return first;
}

Answer SimCluster::Do(uint32_t n, Request request, int64_t timeout_us, const ReadLevel& level) {
  const uint64_t tag = Submit(n, {std::move(request)}, timeout_us, level);
  const bool answered = RunUntil([&] { return sink_->answers.count(tag) != 0; }, 2 * timeout_us);
  BATON_CHECK(answered) << "call " << tag << " was never answered";
  return sink_->answers.at(tag);
}

Answer SimCluster::Put(uint32_t n, const std::string& key, const std::string& value) {
  return Do(n, engine::WriteRequest{kDefaultKeyspace, {engine::PutOp{key, value}}});
}

Answer SimCluster::Get(uint32_t n, const std::string& key) {
  return Do(n, GetCall{kDefaultKeyspace, {key}});
}

Answer SimCluster::GetHere(uint32_t n, const std::string& key, const ReadLevel& level,
                           int64_t timeout_us) {
  return Do(n, GetCall{kDefaultKeyspace, {key}}, timeout_us, level);
}

DigestResult SimCluster::Digest(uint32_t n, Slot slot) {
  std::optional<DigestResult> result;
  node(n)->Digest(kDefaultKeyspace, slot, clock_.now_us + 5'000'000,
                  [&result](DigestResult r) { result = std::move(r); });
  RunUntil([&] { return result.has_value(); }, 10'000'000);
  BATON_CHECK(result.has_value());
  return *result;
}

}  // namespace baton::server
