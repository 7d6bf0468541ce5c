// Node: what the services of server/rpc see of a replica. Nothing here knows gRPC.
//
// Every method may be called on any thread and never blocks on a disk, a lock held over I/O, or the
// network. Answers arrive at the sink, on a thread of the node, possibly before the call returns.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "base/types.h"
#include "consensus/health.h"
#include "consensus/message.h"
#include "engine/state/catalog.h"
#include "engine/state/keyspace_change.h"
#include "engine/state/request.h"
#include "engine/state/sessions.h"
#include "server/codec/handover_row.h"
#include "server/codec/order_row.h"
#include "server/codec/policy_row.h"

namespace baton::server {

// Who calls, on whose behalf, until when. Made by the service for every request.
struct CallContext {
  std::string principal;  // authenticated peer; empty until TLS arrives
  std::string actor;
  std::string traceparent;
  uint64_t request_id = 0;     // unique in this process, for logs
  int64_t deadline_us = 0;     // lease clock
  engine::SessionStamp stamp;  // of a write
};

// Mirrors baton.v1.Reason; server/rpc maps the one to the other.
enum class Reason : uint8_t {
  kNone,
  kNotLeader,
  kNoLeader,
  kOutcomeUnknown,
  kOverloaded,
  kLimitExceeded,
  kKeyspaceUnknown,
  kInvalidArgument,
  kConditionNotMet,
  kUnformed,
  kClusterMismatch,
  kLogFaulty,
  kDiskFull,
  kDeadline,
  kShuttingDown,
  kForwardedTwice,
  kNotSupported,
  kFormedDifferently,
  kPositionLost,
  kTooStale,
  kMembersRefused,
  kValueUnfit,
  kBudgetUsed,
  kKeyspaceRefused,
  kSessionUnknown,
  kSessionTooOld,
  kFenced,
  kHandoverRefused,
  kPolicyRefused,
};

struct LeaderHint {
  std::string name;
  std::string client_address;
};

// What an answer was judged by, and how durable that is.
struct Judged {
  Position position;
  engine::Durability durability = engine::Durability::kUnspecified;
};

struct Failure {
  absl::StatusCode code = absl::StatusCode::kOk;
  Reason reason = Reason::kNone;
  std::string message;  // says what to change
  std::optional<LeaderHint> leader;
  uint32_t retry_after_ms = 0;
  std::string limit;
  std::optional<engine::Rejection> rejection;  // kConditionNotMet
  std::optional<Judged> judged;                // a write was evaluated, and rejected
  bool ok() const { return code == absl::StatusCode::kOk; }
};

// What a read may miss. One that names a level is answered by the node that it reached.
struct ReadLevel {
  enum class Kind : uint8_t {
    kUnnamed,           // linearizable, by the leader alone
    kLinearizable,      // nothing that was answered before it was asked
    kBoundedStaleness,  // what was committed in the last max_staleness_us before it came
    kAtLeast,           // what follows at_least
  };
  Kind kind = Kind::kUnnamed;
  int64_t max_staleness_us = 0;  // > 0 with kBoundedStaleness
  Position at_least;             // slot and reign_round > 0 with kAtLeast
  bool named() const { return kind != Kind::kUnnamed; }
};

struct GetCall {
  KeyspaceId keyspace = kDefaultKeyspace;
  std::vector<std::string> keys;  // all from one view
};
struct GetResult {
  std::vector<std::optional<engine::Record>> records;  // one a key; Record::key is left empty
};

using Request =
    std::variant<GetCall, engine::ScanSpec, engine::WriteRequest, engine::KeyspaceRequest,
                 engine::SessionRequest, OrderRequest, PolicyRequest>;
using Result =
    std::variant<std::monostate, GetResult, engine::ScanPage, engine::WriteResult,
                 engine::KeyspaceResult, engine::SessionResult, OrderResult, PolicyResult>;

struct Answer {
  Failure failure;
  Position position;
  engine::Durability durability = engine::Durability::kUnspecified;  // writes only
  Result result;
};

// Takes the answers of one stream or one call.
class AnswerSink {
 public:
  virtual ~AnswerSink() = default;
  // `tag` is the call's. Must not block. Once for each call submitted.
  virtual void Answered(uint64_t tag, Answer answer) = 0;
  // The answers that belong together have been given: send them. Called after every group.
  virtual void Flush() = 0;
};

struct Call {
  CallContext context;
  uint64_t tag = 0;
  Request request;
  engine::Durability durability = engine::Durability::kUnspecified;
  ReadLevel level;  // reads only
};

struct MemberInfo {
  NodeId node;
  std::string name;
  Id128 directory;
  std::string client_address;
  std::string peer_address;
  uint32_t role = 1;  // baton.v1.Role
  friend bool operator==(const MemberInfo&, const MemberInfo&) = default;
};

struct PeerProgressInfo {
  NodeId node;
  Slot match;
  bool connected = false;
};

// How a member stands for elections, as its leader has told.
struct MemberHealthInfo {
  NodeId node;
  std::string name;
  consensus::NodeHealth health;
};

// One node's own view of itself and of the cluster, taken at once.
struct NodeStatus {
  Id128 cluster;
  NodeId node;
  std::string name;
  std::string state;  // unformed | follower | candidate | leader | faulty
  Ballot ballot;
  std::optional<LeaderHint> leader;
  bool expecting = false;  // it is about to lead, and keeps what comes for the leader
  bool healthy = false;
  std::string reason;
  Slot durable, commit, applied, flushed, first;
  Epoch epoch;            // of the members in force
  bool changing = false;  // a change of them is under way
  std::vector<MemberInfo> members;
  std::vector<PeerProgressInfo> peers;   // from the leader only
  std::vector<MemberHealthInfo> health;  // of those that the leader has heard of
};

// What the members are to be, whole.
struct MembersCall {
  Epoch from;  // the epoch that it was made of: if another is in force by now it is refused
  std::vector<MemberInfo> members;
  std::string actor;
  std::string reason;
  int64_t deadline_us = 0;  // lease clock; 0: none
};
struct MembersResult {
  Failure failure;  // kMembersRefused: says what to change; kOutcomeUnknown: look at the members
  Epoch epoch;      // chosen: the members are as asked
};

// The quorum was gone for good, and an operator had this node go on alone.
struct UnsafeRecovery {
  std::vector<MemberInfo> left_behind;  // the other members that there were
  EntryId last;                         // where this node's log ended
  std::string actor;
  std::string approved_by;
  std::string reason;
  int64_t wall_time_us = 0;
  friend bool operator==(const UnsafeRecovery&, const UnsafeRecovery&) = default;
};

// Where a node's log ends: which of the last nodes has most.
struct LogEnd {
  Failure failure;  // this node has no data, or cannot trust its log
  EntryId last;
  int64_t wall_time_us = 0;  // of that entry; 0: the log is empty
};

// Of one async keyspace: acknowledged and not committed.
struct UnreplicatedStats {
  uint64_t ops = 0;
  uint64_t bytes = 0;
  int64_t age_us = 0;     // of the oldest
  uint64_t ops_high = 0;  // in the last minute
  uint64_t bytes_high = 0;
  int64_t age_high_us = 0;
  uint64_t waited = 0;  // acks that the budget held back until a quorum had the write
  uint64_t failed = 0;  // writes that it refused
};

// One keyspace, and how it stands.
struct KeyspaceStatus {
  engine::KeyspacePtr info;
  uint64_t size_bytes = 0;  // on this node's disk, about
  // Of an async keyspace, from the leader only.
  std::optional<UnreplicatedStats> unreplicated;
};

// Asks for a handover, for the end of one, how one is, or how one would go; or approves one.
struct HandoverCall {
  enum class What : uint8_t { kStart, kAbort, kShow, kPredict, kApprove };
  What what = What::kStart;
  // kAbort, kApprove: its id, and why; kShow: its id; kPredict: its target.
  HandoverOrder order;
  std::string actor;
  // For its outcome, or until it waits for an approval; else answered once it is in the log.
  bool wait = true;
  bool urgent = false;          // of kStart: nobody could approve it in time
  int64_t approved_for_us = 0;  // of kApprove: how long that holds
  int64_t deadline_us = 0;      // lease clock; 0: none
  bool PastDeadline(int64_t now_us) const { return deadline_us != 0 && now_us >= deadline_us; }
};
// What a handover would come to if it began now.
struct HandoverForecast {
  NodeId to;
  std::vector<HandoverCheck> checks;  // empty: the target has not answered
  std::string refusal;                // why it would not take place; empty: it would
  std::string risk;                   // why it would ask for an approval; empty: it would not
  int64_t write_pause_us = 0;         // 0: not known, nothing has been written lately
};
struct HandoverResult {
  Failure
      failure;  // kHandoverRefused: says what to change; kNotLeader: ask there, with the same id
  std::optional<HandoverRow> row;
  std::optional<HandoverForecast> forecast;  // of kPredict
};

struct DigestResult {
  Failure failure;
  uint64_t digest = 0;
  uint64_t count = 0;
  Slot applied;
};

class Node {
 public:
  virtual ~Node() = default;

  // Validated calls of one message. The whole vector is queued under one lock; when the queue is
  // full those left over are answered RESOURCE_EXHAUSTED.
  virtual void Submit(std::vector<Call> calls, std::shared_ptr<AnswerSink> sink) = 0;

  // The keyspace of that name, from the catalogue as applied here; null: there is none. An empty
  // name is "default".
  virtual engine::KeyspacePtr FindKeyspace(const std::string& name) const = 0;
  // Why FindKeyspace found nothing: there is none of that name, or, where this node may not know of
  // the newest, because it does not serve as leader or has no lease, where to ask. A leader that
  // is not to go by leases says what it has applied.
  virtual Failure NoKeyspace(const std::string& name) const = 0;
  // All keyspaces, as applied here.
  virtual std::vector<KeyspaceStatus> Keyspaces() const = 0;

  virtual NodeStatus Status() const = 0;

  // `done` runs on a reader, or at once.
  virtual void DescribeLog(std::function<void(LogEnd)> done) = 0;

  // XXH3-64 over a keyspace once `slot` is applied (Slot{0}: as it is). `done` runs on a reader.
  virtual void Digest(KeyspaceId keyspace, Slot slot, int64_t deadline_us,
                      std::function<void(DigestResult)> done) = 0;

  // Changes the members, if this node leads. `done` is told once the change is done, or why not,
  // on a thread of the node.
  virtual void ChangeMembers(MembersCall call, std::function<void(MembersResult)> done) = 0;

  // Starts, ends or shows a handover, if this node leads. `done` is told on a thread of the node.
  // The same id with the same order gives the same handover, whenever and wherever it is asked for.
  virtual void Handover(HandoverCall call, std::function<void(HandoverResult)> done) = 0;

  // From the transport.
  virtual void Receive(consensus::Message message) = 0;

  // `notify` is called, on a thread of the node, each time a Reign is chosen with a new leader.
  // Returns an id for Unwatch.
  virtual uint64_t WatchLeader(std::function<void(const LeaderHint&)> notify) = 0;
  virtual void UnwatchLeader(uint64_t id) = 0;
};

}  // namespace baton::server
