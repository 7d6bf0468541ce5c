// Calls about the cluster itself: formation, members, keyspaces, status, digests, versions. For
// tools.
//
//   auto admin = baton::Admin::Connect({.endpoints = {"127.0.0.1:7400", "127.0.0.1:7401"}});
//   for (const baton::NodeReport& report : (*admin)->StatusAll()) ...
//
// Each call asks the node named, or every endpoint; what is about members and keyspaces goes to the
// node that leads. Nothing is repeated. All calls are synchronous and safe from any thread; the
// destructor must not run while a call does.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "baton/error.h"
#include "baton/options.h"
#include "baton/results.h"

namespace baton {

enum class Role : uint32_t { kUnspecified = 0, kVoter = 1, kLearner = 2, kWitness = 3 };
const char* RoleName(Role role);  // "voter", "learner", "witness", "unspecified"

struct MemberInfo {
  uint32_t node_id = 0;
  std::string name;
  std::string directory_id;  // 32 hexadecimal digits
  std::string client_address;
  std::string peer_address;
  Role role = Role::kUnspecified;
};

struct BuildInfo {
  std::string version, commit, build, rocksdb, grpc, compiler;
  uint32_t wire_version = 0;
  uint32_t wal_version = 0;
  uint32_t entry_version = 0;
  uint32_t row_version = 0;
  uint32_t cluster_version = 0;
};

struct PeerProgressInfo {
  std::string name;
  uint32_t node_id = 0;
  uint64_t match_slot = 0;
  bool connected = false;
};

// What elections are decided by, in this order: the smaller, or the word that stands first, is the
// better leader. As the leader has told.
struct MemberHealth {
  std::string name;
  uint32_t node_id = 0;
  bool barred = false;      // by its operator: leads only if nobody else can
  bool recovering = false;  // its state is far behind its log, or its disk is full
  std::string lag;          // close | behind | far | silent
  std::string disk;         // normal | slow | stuck
  uint32_t region = 0;
  uint32_t priority = 0;
};

// One node's own view: believe the one with the highest ballot.
struct NodeStatus {
  std::string cluster_id;  // 32 hexadecimal digits; empty: unformed
  uint32_t node_id = 0;
  std::string name;
  std::string state;  // unformed | follower | candidate | leader | faulty
  uint64_t ballot_round = 0;
  uint32_t ballot_node = 0;
  std::string leader;  // name; empty: none known
  std::string leader_address;
  bool healthy = false;
  std::string reason;  // why not healthy
  uint64_t durable_slot = 0;
  uint64_t commit_slot = 0;
  uint64_t applied_slot = 0;
  uint64_t flushed_slot = 0;
  uint64_t first_slot = 0;  // of the log kept
  uint64_t epoch = 0;       // of the members
  bool changing = false;    // a change of them is under way
  std::string profile;      // lan | wan
  std::vector<MemberInfo> members;
  std::vector<PeerProgressInfo> peers;  // from the leader only
  std::vector<MemberHealth> health;     // of members that the leader has heard of
  BuildInfo build;
};

// One endpoint's answer, or why there is none.
struct NodeReport {
  std::string endpoint;
  absl::StatusOr<NodeStatus> status;
};

struct PlannedMember {
  std::string name;
  std::string peer_address;
};
struct Formation {
  std::string cluster_id;
  std::vector<MemberInfo> members;
  bool already_formed = false;  // the same plan had been carried out before
};

// Which member: by name; by id too, or alone, where a replaced node and the one in its place have
// one name.
struct MemberRef {
  std::string name;
  uint32_t node_id = 0;  // 0: not given
};
// A node to be added: it runs and belongs to no cluster yet.
struct NewMember {
  std::string name;
  std::string peer_address;
  Role role = Role::kLearner;  // or kWitness; a voter is a learner first
  MemberRef replaces;          // a member that may have the same name or address, and goes later
};
struct MembersChange {
  uint64_t epoch = 0;
  std::vector<MemberInfo> members;
  MemberInfo member;       // the one added, promoted or swapped in, or the one removed
  bool unchanged = false;  // it was so already
};

enum class KeyspaceMode : uint8_t {
  kSync = 1,   // a write is answered once a quorum has it
  kAsync = 2,  // once the leader has it on disk, within the budget
};
const char* KeyspaceModeName(KeyspaceMode mode);  // "sync", "async"

// What a write does when its async keyspace has acknowledged its fill of unreplicated writes.
enum class OnBudget : uint8_t {
  kWait = 1,  // is answered once a quorum has it
  kFail = 2,  // is refused: Reason::kBudgetUsed
};
const char* OnBudgetName(OnBudget on_budget);  // "wait", "fail"

// What is left out keeps its default when a keyspace is created, and its value when it is altered.
// All are set in what a cluster reports.
struct KeyspaceSettings {
  std::optional<KeyspaceMode> mode;   // sync
  std::optional<OnBudget> on_budget;  // wait
  // What an async keyspace may have acknowledged that no quorum has: a failover loses no more.
  std::optional<uint64_t> max_unreplicated_bytes;  // 16 MiB
  std::optional<uint64_t> max_unreplicated_ops;    // 10,000
  std::optional<uint64_t> max_unreplicated_ms;     // 1,000: age of the oldest
  std::optional<uint64_t> size_bytes_max;          // on disk, about; 0, the default: no limit
  std::optional<uint64_t> value_bytes_max;         // 1 MiB
  std::optional<uint64_t> default_staleness_ms;    // of reads that name no level; 0: linearizable
  std::optional<std::string> description;          // at most 1 KiB
};

// What an async keyspace has acknowledged and no quorum is known to have.
struct UnreplicatedInfo {
  uint64_t ops = 0;
  uint64_t bytes = 0;
  uint64_t age_us = 0;    // of the oldest
  uint64_t ops_high = 0;  // the highest of the last minute
  uint64_t bytes_high = 0;
  uint64_t age_high_us = 0;
  uint64_t waited =
      0;  // acks that the budget held back, and writes that it refused, since the node
  uint64_t failed = 0;  // that leads was started
};

struct KeyspaceInfo {
  uint32_t id = 0;  // never given again
  std::string name;
  KeyspaceSettings settings;
  int64_t created_wall_us = 0;
  uint64_t size_bytes = 0;                       // on the disk of the node that leads, about
  std::optional<UnreplicatedInfo> unreplicated;  // of an async keyspace
};
struct KeyspaceChange {
  KeyspaceInfo keyspace;   // as it is now; of one dropped, as it was
  bool unchanged = false;  // it was so already
  Position position;
  uint64_t revision = 0;  // 0: it changed nothing
};

// One change of one keyspace, as the log has it.
struct KeyspaceChangeInfo {
  enum class Kind { kCreated, kAltered, kDropped };
  Kind kind = Kind::kCreated;
  KeyspaceInfo keyspace;  // after it; of one dropped, before
  uint64_t slot = 0;
  uint64_t revision = 0;
  int64_t wall_time_us = 0;
  std::string actor;
  std::string reason;
};
struct KeyspaceChangePage {
  std::vector<KeyspaceChangeInfo> changes;  // by keyspace, then by revision
  std::string next;                         // empty: there are no more
};

// The span of one leader's ballot. What it adopted ends at slot - 1: of what the predecessor had
// acknowledged beyond that, an async keyspace has lost at most its budget at that slot.
struct ReignInfo {
  enum class Cause { kElection, kHandover, kAborted };
  uint64_t round = 0;
  uint32_t node = 0;
  Cause cause = Cause::kElection;
  uint64_t slot = 0;               // of its own entry
  uint64_t predecessor_round = 0;  // 0: there was none
  uint32_t predecessor_node = 0;
  uint64_t predecessor_durable_slot = 0;  // the last that it is known to have stated
  int64_t wall_time_us = 0;
  int64_t candidacy_us = 0;  // on the leader's clock, from first standing to its entry
  uint64_t policy = 0;       // version by which its leader ranked then; 0: not known
};
struct ReignPage {
  std::vector<ReignInfo> reigns;  // by ballot
  std::string next;               // empty: there are no more
};

// XXH3-64 over every key, value and revision of a keyspace, as of applied_slot.
struct DigestInfo {
  uint64_t digest = 0;
  uint64_t count = 0;
  uint64_t applied_slot = 0;
};

// A write that one leader had and a later one had not: it was lost. Named by the entry it stood in,
// and its place there.
struct LossInfo {
  enum class Kind { kPut, kDelete, kDeleteRange };
  enum class Acknowledged {
    kNo = 1,       // its client was not told that it is done: the keyspace was sync
    kUnknown = 2,  // it may have been: the keyspace was async
    // Its client sent it again, and that attempt counts: it took effect after all, or has a row of
    // its own.
    kAgain = 3,
  };
  uint64_t born_round = 0;
  uint32_t born_node = 0;
  uint64_t slot = 0;
  uint32_t index = 0;
  Kind kind = Kind::kPut;
  Acknowledged acknowledged = Acknowledged::kUnknown;
  std::string keyspace;      // as it was called then
  uint32_t keyspace_id = 0;  // a keyspace of that name may be another by now
  std::string key;           // of a range: its begin
  std::string end;           // of a range; empty: to the end of the keyspace
  std::string value;
  uint64_t revision = 0;  // that its client was told; given to nothing else
  uint64_t session = 0;   // 0: none
  uint64_t sequence = 0;
  int64_t wall_time_us = 0;
  uint32_t found_on = 0;  // the node whose log had it
};
struct LossPage {
  std::vector<LossInfo> losses;  // by ballot, slot and index
  std::string next;              // empty: there are no more
};

// A handover as the log has recorded it. docs/operations.md says what each state means.
enum class HandoverState : uint32_t {
  kUnspecified = 0,
  kRequested = 1,
  kPreflight = 2,
  kReady = 3,
  kSealed = 4,
  kReign = 5,
  kProbation = 6,
  kDone = 7,  // final from here on
  kAborted = 8,
  kHandedBack = 9,
  kRejected = 10,
  // Of an election, whose record goes on with kReign: the same kind of record, that nobody asked
  // for.
  kDetected = 11,
  kCanvass = 12,
  kPromised = 13,
  // Where the policy asks for an approval, between kRequested and kPreflight.
  kAwaiting = 14,
  kApproved = 15,
};
const char* HandoverStateName(HandoverState state);  // "REQUESTED"
inline bool IsFinal(HandoverState state) {
  return HandoverState::kDone <= state && state <= HandoverState::kRejected;
}

struct HandoverStepInfo {
  HandoverState state = HandoverState::kUnspecified;
  uint64_t slot = 0;
  int64_t log_time_us = 0;
  int64_t wall_time_us = 0;
};
struct HandoverCheckInfo {
  std::string name;
  std::string limit;
  std::string measured;
  bool passed = false;
};
struct HandoverInfo {
  std::string id;
  uint32_t asked_to = 0;  // node id; 0: the best-ranked
  uint32_t to = 0;        // 0: not chosen yet
  std::string reason;
  std::string actor;
  int64_t deadline_ms = 0;
  int64_t probation_ms = 0;
  uint64_t round = 0;  // of the reign that was asked to end, and its node
  uint32_t from = 0;
  std::vector<HandoverStepInfo> steps;  // never empty
  std::vector<HandoverCheckInfo> checks;
  std::string outcome;           // for people; empty until it is final
  uint64_t successor_round = 0;  // of the reign that followed; 0: none yet
  uint32_t successor_node = 0;
  int64_t write_pause_us = 0;  // between the acknowledgements before and after; 0: not known
  std::string risk;            // why it asked for an approval; empty: it asked for none
  std::string approved_by;     // empty: not, or not yet
  std::string approval_reason;
  int64_t approved_until_us = 0;  // wall clock; sealed later than that it is given up
  uint64_t policy = 0;            // version by which it was decided; 0: not known
  uint64_t shadow_policy = 0;     // version that was judged beside it; 0: none
  std::string otherwise;          // what that would have decided otherwise; empty: nothing
  std::string ended_by;           // who aborted it; empty: nobody asked for its end
  // Of an election, wall clock: the last write before it was chosen, and the first after it, as the
  // winner knows; 0: not known.
  int64_t last_write_us = 0;
  int64_t first_write_us = 0;

  HandoverState state() const {
    return steps.empty() ? HandoverState::kUnspecified : steps.back().state;
  }
  bool election() const {
    return !steps.empty() && steps.front().state == HandoverState::kDetected;
  }
};
struct HandoverPage {
  std::vector<HandoverInfo> handovers;  // by age
  std::string next;                     // empty: there are no more
};
// What is asked for. The same id with the same order always gives the same handover.
struct HandoverOrder {
  std::string id;  // empty: one is made
  MemberRef to;    // empty: the best-ranked
  std::string reason;
  std::chrono::milliseconds deadline{30'000};  // by when the target must have taken over
  std::chrono::milliseconds probation{2'000};  // how long it is watched then
  bool wait = true;  // for its outcome; else the call returns once it is in the log
};
// What stands, beside health, about who may lead. docs/operations.md says what each means.
enum class OrderKind : uint32_t { kBar = 1, kHoldDown = 2, kPreference = 3, kFreeze = 4 };
struct OrderInfo {
  OrderKind kind = OrderKind::kBar;
  uint32_t node = 0;  // of kFreeze: 0
  int64_t since_wall_us = 0;
  int64_t until_wall_us = 0;         // 0: until it is lifted; it may be past
  uint32_t flaps = 0;                // of kHoldDown: how often in a row the node was lost
  std::optional<uint32_t> region;    // of kPreference; nullopt: as the node is configured
  std::optional<uint32_t> priority;  // likewise
  std::string actor;
  std::string reason;
};
struct OrderPage {
  std::vector<OrderInfo> orders;  // by kind, then by node
  std::string next;               // empty: there are no more
};
// An order that is given, or lifted.
struct Order {
  OrderKind kind = OrderKind::kBar;  // a hold-down can only be lifted
  MemberRef node;                    // none with kFreeze
  bool lift = false;
  std::chrono::milliseconds stands_for{0};  // 0: until it is lifted
  std::optional<uint32_t> region;           // of kPreference: at most 255
  std::optional<uint32_t> priority;
  std::string reason;
};
struct OrderChange {
  OrderInfo order;         // as it stands; of one lifted, as it was
  bool unchanged = false;  // it was so already
};

// By what leaders are ranked: the first that differs decides.
enum class RankCriterion : uint32_t {
  kBarred = 1,
  kRecovering = 2,
  kLag = 3,
  kDisk = 4,
  kRegion = 5,
  kPriority = 6,
};
enum class PolicyState : uint32_t { kProposed = 1, kShadow = 2, kActive = 3, kRetired = 4 };
struct PolicyLimitInfo {
  std::string name;
  uint64_t value = 0;
  std::string unit;
  uint64_t usual = 0;  // of the built-in policy
  uint64_t max = 0;
  std::string what;
};
// A version of the policy. docs/operations.md says what each limit means.
struct PolicyInfo {
  uint64_t version = 0;
  PolicyState state = PolicyState::kProposed;
  uint64_t before = 0;        // the version that was in force before it; 0: none
  int64_t since_wall_us = 0;  // in this state; 0: from the start
  std::vector<RankCriterion> rank;
  std::vector<PolicyLimitInfo> limits;
  std::string actor;  // of the last change of state
  std::string reason;
};
struct PolicyPage {
  std::vector<PolicyInfo> policies;  // by version
  std::string next;                  // empty: there are no more
};
struct PolicyChange {
  enum class Kind : uint32_t {
    kPropose = 1,   // a new version: `version` with that rank and those limits instead
    kShadow = 2,    // judge `version` beside the one in force
    kUnshadow = 3,  // no longer
    kActivate = 4,  // `version` is in force
    kRollBack = 5,  // `version`, which is in force, gives way to the one before it
  };
  Kind kind = Kind::kPropose;
  uint64_t version = 0;             // 0: the one in force
  std::vector<RankCriterion> rank;  // each once; empty: as it is
  std::vector<std::pair<std::string, uint64_t>> limits;
  std::string reason;
};
struct PolicyOutcome {
  PolicyInfo policy;       // as it is now; of a rollback, the one that is in force again
  bool unchanged = false;  // it was so already
};

// One line of the audit.
struct AuditInfo {
  enum class Kind : uint32_t {
    kReign = 1,
    kHandover = 2,
    kMembers = 3,
    kKeyspace = 4,
    kOrder = 5,
    kPolicy = 6
  };
  uint64_t number = 0;  // from 1, without gaps
  Kind kind = Kind::kReign;
  std::string what;    // ELECTED, BARRED, …
  std::string object;  // the reign, the handover's id, the keyspace, …
  uint32_t node = 0;   // whom it is about; 0: no node
  std::string actor;
  std::string reason;
  uint64_t reign_round = 0;  // in which it was written
  uint32_t reign_node = 0;
  uint64_t from_round = 0;  // of kReign: the one before
  uint32_t from_node = 0;
  uint64_t from_slot = 0;  // and what that is known to have had durable
  uint64_t slot = 0;       // of the entry that made the change
  int64_t wall_time_us = 0;
  std::string previous;  // hash of the line before, in hex; of the first: zeros
  std::string hash;      // of this line, computed here from the row as it is stored
};
struct AuditPage {
  std::vector<AuditInfo> records;  // by number
  std::string next;                // empty: there are no more
};

// What a handover would come to if it began now.
struct HandoverForecast {
  uint32_t to = 0;                        // node id: who would lead
  std::vector<HandoverCheckInfo> checks;  // empty: the target has not answered
  std::string refusal;                    // why it would not take place; empty: it would
  std::string risk;                       // why it would ask for an approval; empty: it would not
  int64_t write_pause_us = 0;             // 0: not known, nothing has been written lately
};

// Where a node's log ends, for the plan of an unsafe recovery.
struct LogInfo {
  uint64_t last_round = 0;  // reign of the last entry, and its node
  uint32_t last_node = 0;
  uint64_t last_slot = 0;
  int64_t last_wall_us = 0;  // when its leader wrote it; 0: not known
  std::vector<KeyspaceInfo> keyspaces;
  std::string plan;  // names the recovery by which the node, as it is now, goes on alone
};
struct Recovery {
  uint64_t epoch = 0;  // in which the node is the only voter
  std::vector<MemberInfo> left_behind;
};

class Admin {
 public:
  // Checks the options; connects when a call needs it. INVALID_ARGUMENT as Client::Connect.
  static absl::StatusOr<std::unique_ptr<Admin>> Connect(ClientOptions options);
  ~Admin();
  Admin(const Admin&) = delete;
  Admin& operator=(const Admin&) = delete;

  const std::vector<std::string>& endpoints() const;

  // Forms a cluster of empty nodes; asks the endpoints in order until one can be reached. Repeating
  // it resumes the same plan; another plan is refused (kFormedDifferently). `profile`: lan or wan.
  absl::StatusOr<Formation> Init(const std::vector<PlannedMember>& members,
                                 const std::string& profile = "lan",
                                 const CallOptions& options = {});

  // Changes of members, one at a time; each returns once it is done, or why it cannot be
  // (kMembersRefused; NOT_FOUND). One whose answer is lost may be repeated: what is so already is
  // done. `reason` is kept with the change, for people; options.actor says who wants it.
  absl::StatusOr<MembersChange> AddMember(const NewMember& member, const std::string& reason = "",
                                          const CallOptions& options = {});
  // A learner that has caught up becomes a voter.
  absl::StatusOr<MembersChange> PromoteMember(const MemberRef& member,
                                              const std::string& reason = "",
                                              const CallOptions& options = {});
  absl::StatusOr<MembersChange> RemoveMember(const MemberRef& member,
                                             const std::string& reason = "",
                                             const CallOptions& options = {});
  // At once: `out` leaves and the learner `in`, which has caught up, becomes a voter.
  absl::StatusOr<MembersChange> SwapMembers(const MemberRef& out, const MemberRef& in,
                                            const std::string& reason = "",
                                            const CallOptions& options = {});

  // Moves leadership. Each may be repeated at any time, and repeats itself until options.timeout
  // while no node leads or leadership moves. Errors: kHandoverRefused (FAILED_PRECONDITION: another
  // is under way, or it is over; ALREADY_EXISTS: the id was given to another order; NOT_FOUND).
  absl::StatusOr<HandoverInfo> StartHandover(const HandoverOrder& order,
                                             const CallOptions& options = {});
  // Changes nothing.
  absl::StatusOr<HandoverForecast> PredictHandover(const MemberRef& to = {},
                                                   const CallOptions& options = {});
  absl::StatusOr<HandoverInfo> AbortHandover(const std::string& id, const std::string& reason = "",
                                             const CallOptions& options = {});
  // One that waits for it, as its record then says; `holds`: until its Seal at the latest.
  absl::StatusOr<HandoverInfo> ApproveHandover(
      const std::string& id, const std::string& reason = "",
      std::chrono::milliseconds holds = std::chrono::minutes(10), const CallOptions& options = {});
  absl::StatusOr<HandoverInfo> ShowHandover(const std::string& id, bool wait = false,
                                            const CallOptions& options = {});

  // Gives or lifts an order; repeating one changes nothing.
  absl::StatusOr<OrderChange> ChangeOrder(const Order& order, const CallOptions& options = {});

  // Changes the policy; repeating a change changes nothing. Errors: kPolicyRefused (NOT_FOUND,
  // INVALID_ARGUMENT, FAILED_PRECONDITION, RESOURCE_EXHAUSTED).
  absl::StatusOr<PolicyOutcome> ChangePolicy(const PolicyChange& change,
                                             const CallOptions& options = {});

  // Changes of keyspaces; each returns once it is done. Repeating one changes nothing. Errors:
  // kKeyspaceUnknown; kKeyspaceRefused (ALREADY_EXISTS with other settings, INVALID_ARGUMENT).
  // A keyspace is altered to sync once all that it has acknowledged is chosen.
  absl::StatusOr<KeyspaceChange> CreateKeyspace(const std::string& name,
                                                const KeyspaceSettings& settings = {},
                                                const std::string& reason = "",
                                                const CallOptions& options = {});
  absl::StatusOr<KeyspaceChange> AlterKeyspace(const std::string& name,
                                               const KeyspaceSettings& settings,
                                               const std::string& reason = "",
                                               const CallOptions& options = {});
  // Deletes the keyspace and all that is in it; `confirm_name` is its name once more.
  absl::StatusOr<KeyspaceChange> DropKeyspace(const std::string& name,
                                              const std::string& confirm_name,
                                              const std::string& reason = "",
                                              const CallOptions& options = {});
  // As the node that leads sees them; `name` empty: all.
  absl::StatusOr<std::vector<KeyspaceInfo>> ListKeyspaces(const std::string& name = "",
                                                          const CallOptions& options = {});

  // What the log has recorded for good, by the node that leads: at most `limit` after `after`,
  // which is a page's `next`. Who changed which keyspace, when and why; who led when; which
  // handovers there were; and the ledger of lost writes.
  absl::StatusOr<KeyspaceChangePage> ListKeyspaceChanges(const std::string& after = "",
                                                         uint32_t limit = 1'000,
                                                         const CallOptions& options = {});
  absl::StatusOr<ReignPage> ListReigns(const std::string& after = "", uint32_t limit = 1'000,
                                       const CallOptions& options = {});
  absl::StatusOr<HandoverPage> ListHandovers(const std::string& after = "", uint32_t limit = 1'000,
                                             const CallOptions& options = {});
  absl::StatusOr<OrderPage> ListOrders(const std::string& after = "", uint32_t limit = 1'000,
                                       const CallOptions& options = {});
  absl::StatusOr<PolicyPage> ListPolicies(const std::string& after = "", uint32_t limit = 1'000,
                                          const CallOptions& options = {});
  // Who or what asked for each change of leadership, members, keyspaces, orders and policy.
  absl::StatusOr<AuditPage> ListAudit(const std::string& after = "", uint32_t limit = 1'000,
                                      const CallOptions& options = {});
  absl::StatusOr<LossPage> ListLosses(const std::string& after = "", uint32_t limit = 1'000,
                                      const CallOptions& options = {});

  // The quorum is gone for good. `plan` is that of LogInfo; the node at the endpoint goes on alone,
  // and what the others had chosen beyond its log is lost. Errors: kMembersRefused
  // (FAILED_PRECONDITION: a leader is known, a quorum is there, or the node is not as it was).
  absl::StatusOr<LogInfo> DescribeLog(const std::string& endpoint, const CallOptions& options = {});
  absl::StatusOr<Recovery> Recover(const std::string& endpoint, const std::string& plan,
                                   const std::string& approved_by, const std::string& reason,
                                   const CallOptions& options = {});

  absl::StatusOr<NodeStatus> Status(const std::string& endpoint, const CallOptions& options = {});
  // Asks all endpoints at once; one report each, in their order, within options.timeout.
  std::vector<NodeReport> StatusAll(const CallOptions& options = {});
  // `slot` 0: at the node's applied slot; else once it has applied that slot.
  absl::StatusOr<DigestInfo> Digest(const std::string& endpoint, uint64_t slot = 0,
                                    const CallOptions& options = {});
  absl::StatusOr<BuildInfo> Version(const std::string& endpoint, const CallOptions& options = {});
  // A linearizable read by one unary call to that node, which passes it on if it does not lead:
  // whether the node serves clients, which a Client, going to the leader, does not show.
  absl::StatusOr<GetResult> GetThrough(const std::string& endpoint, std::string_view key,
                                       const CallOptions& options = {});

 private:
  struct Impl;
  explicit Admin(std::unique_ptr<Impl> impl);

  const std::unique_ptr<Impl> impl_;
};

}  // namespace baton
