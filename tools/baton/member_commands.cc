// member …: who belongs to the cluster, and changes of that.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <thread>

#include "tools/baton/cluster_view.h"
#include "tools/baton/context.h"
#include "tools/baton/flags.h"
#include "tools/baton/progress.h"

namespace baton::cli {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kListTimeout{2'000};
constexpr milliseconds kChangeTimeout{30'000};
constexpr milliseconds kCatchUpTimeout{3'600'000};  // of a node that needs the whole state
constexpr milliseconds kAskTimeout{2'000};          // of one question to all nodes
constexpr milliseconds kPollEvery{200};             // how far a node is, is asked
constexpr milliseconds kSayEvery{5'000};

struct Arguments {
  std::string node;   // NAME=HOST:PORT, or NAME or NAME#ID
  std::string other;  // the node in its place: NAME=HOST:PORT
  std::string role = "voter";
  std::string reason;
};

// One command's way to the cluster, and how long it may take.
struct Session {
  std::unique_ptr<Admin> admin;
  Clock::time_point deadline;
  std::string reason;

  CallOptions Options(milliseconds at_most) const {
    const auto left = std::chrono::duration_cast<milliseconds>(deadline - Clock::now());
    CallOptions options;
    options.timeout = std::clamp(left, milliseconds(1), at_most);
    options.actor = Actor();
    return options;
  }
};

absl::StatusOr<Session> Begin(const Context& context, const Arguments& arguments,
                              milliseconds otherwise) {
  const auto timeout = context.Timeout(otherwise);
  if (!timeout.ok()) return timeout.status();
  absl::StatusOr<std::unique_ptr<Admin>> admin = context.ConnectAdmin();
  if (!admin.ok()) return admin.status();
  return Session{*std::move(admin), Clock::now() + *timeout, arguments.reason};
}

absl::StatusOr<ClusterView> View(const Session& session) {
  const auto reports = AskAll(session.admin->endpoints(), session.Options(kAskTimeout));
  if (!reports.ok()) return reports.status();
  return Combine(*reports);
}

absl::Status PrintChange(const Context& context, const MembersChange& change,
                         const std::string& what) {
  if (context.json()) {
    Json object;
    object["epoch"] = change.epoch;
    object["unchanged"] = change.unchanged;
    object["member"] = MembersJson({change.member})[0];
    object["members"] = MembersJson(change.members);
    return context.Print(object);
  }
  const std::string text = change.member.name + " (node " + std::to_string(change.member.node_id) +
                           ") " + (change.unchanged ? "was so already: " : "") + what + ", epoch " +
                           std::to_string(change.epoch) + "\n";
  return context.Print(text);
}

// Waits until the leader says that the learner is close behind.
absl::Status AwaitCaughtUp(const Context& context, const Session& session,
                           const MemberInfo& learner) {
  Clock::time_point say_at = Clock::now();
  while (true) {
    const absl::StatusOr<ClusterView> view = View(session);
    const MemberView* member = view.ok() ? FindMemberView(*view, learner.node_id) : nullptr;
    if (member != nullptr && member->health.known && member->health.lag == "close" &&
        !member->health.recovering) {
      return absl::OkStatus();
    }
    if (Clock::now() >= session.deadline) {
      return absl::DeadlineExceededError(
          learner.name +
          " is a learner and has not caught up in time; once it has: baton member "
          "promote " +
          learner.name);
    }
    if (Clock::now() >= say_at) {
      const bool answers = member != nullptr && member->state != "unreachable";
      context.Say(learner.name + " catches up" +
                  (answers ? ": " + WithCommas(member->lag) + " entries behind" : ""));
      say_at = Clock::now() + kSayEvery;
    }
    std::this_thread::sleep_for(kPollEvery);
  }
}

absl::Status List(const Context& context, const Arguments& arguments) {
  const absl::StatusOr<Session> session = Begin(context, arguments, kListTimeout);
  if (!session.ok()) return session.status();
  const absl::StatusOr<ClusterView> view = View(*session);
  if (!view.ok()) return view.status();
  if (context.json()) {
    const Json all = ViewJson(*view);
    Json object;
    object["epoch"] = all["epoch"];
    object["changing"] = all["changing"];
    object["members"] = Json::array();
    for (const Json& member : all["members"]) {
      if (member["role"] != "none") object["members"].push_back(member);
    }
    return context.Print(object);
  }
  absl::Status printed =
      context.Print("epoch " + std::to_string(view->epoch) +
                    (view->changing ? ", a change of members is under way\n" : "\n"));
  if (!printed.ok()) return printed;
  Table table({{"NAME"},
               {"ID", Table::Align::kRight},
               {"ROLE"},
               {"STATE"},
               {"LAG", Table::Align::kRight},
               {"CLIENTS"},
               {"PEERS"}});
  for (const MemberView& member : view->members) {
    if (member.role == "none") continue;
    table.Add({member.name, std::to_string(member.node_id), member.role, member.state,
               member.state == "unreachable" ? "-" : std::to_string(member.lag), member.address,
               member.peer_address});
  }
  return context.Print(table);
}

absl::Status Promote(const Context& context, const Session& session, const MemberRef& ref) {
  const auto change =
      session.admin->PromoteMember(ref, session.reason, session.Options(kChangeTimeout));
  return change.ok() ? PrintChange(context, *change, "is a voter") : change.status();
}

absl::Status Remove(const Context& context, const Session& session, const MemberRef& ref) {
  const auto change =
      session.admin->RemoveMember(ref, session.reason, session.Options(kChangeTimeout));
  return change.ok() ? PrintChange(context, *change, "is no member any more") : change.status();
}

absl::Status Add(const Context& context, const Session& session, const NewMember& member,
                 bool as_voter) {
  const auto change =
      session.admin->AddMember(member, session.reason, session.Options(kChangeTimeout));
  if (!change.ok()) return change.status();
  if (!as_voter) {
    return PrintChange(context, *change, "is a " + std::string(RoleName(change->member.role)));
  }
  absl::Status caught_up = AwaitCaughtUp(context, session, change->member);
  if (!caught_up.ok()) return caught_up;
  return Promote(context, session, MemberRef{"", change->member.node_id});
}

// A voter's place is taken once the new node has caught up; then both changes are one.
absl::Status Replace(const Context& context, const Session& session, const MemberRef& ref,
                     NewMember member) {
  const absl::StatusOr<ClusterView> view = View(session);
  if (!view.ok()) return view.status();
  const MemberView* out = FindMemberView(*view, ref);
  if (out == nullptr) return absl::NotFoundError("there is no member " + ref.name);
  member.replaces = MemberRef{"", out->node_id};
  member.role = out->role == "witness" ? Role::kWitness : Role::kLearner;
  const auto added =
      session.admin->AddMember(member, session.reason, session.Options(kChangeTimeout));
  if (!added.ok()) return added.status();
  if (out->role != "voter") return Remove(context, session, member.replaces);
  absl::Status caught_up = AwaitCaughtUp(context, session, added->member);
  if (!caught_up.ok()) return caught_up;
  const auto swapped =
      session.admin->SwapMembers(member.replaces, MemberRef{"", added->member.node_id},
                                 session.reason, session.Options(kChangeTimeout));
  if (!swapped.ok()) return swapped.status();
  return PrintChange(context, *swapped, "is a voter in the place of " + out->name);
}

// Values of flags that are wrong end the program with its usage.
template <class T>
T Parsed(const char* flag, absl::StatusOr<T> value) {
  if (!value.ok()) throw CLI::ValidationError(flag, std::string(value.status().message()));
  return *std::move(value);
}

NewMember ParsedNode(const char* flag, const std::string& text) {
  const std::vector<PlannedMember> planned = Parsed(flag, ParseMembers(text));
  if (planned.size() != 1) throw CLI::ValidationError(flag, "name one node: NAME=HOST:PORT");
  NewMember member;
  member.name = planned[0].name;
  member.peer_address = planned[0].peer_address;
  return member;
}

}  // namespace

void AddMemberCommands(CLI::App* app, Context* context) {
  CLI::App* group =
      app->add_subcommand("member", "who belongs to the cluster, and changes of that");
  group->require_subcommand(1);
  auto arguments = std::make_shared<Arguments>();
  group->add_subcommand("list", "the members, their roles and where they are met")->callback([=] {
    context->command = [=] { return List(*context, *arguments); };
  });
  const auto add_change = [&](const char* name, const char* what, const char* node_help) {
    CLI::App* command = group->add_subcommand(name, what);
    command->add_option("NODE", arguments->node, node_help)->required();
    command->add_option("--reason", arguments->reason, "kept with the change")->type_name("TEXT");
    return command;
  };
  const auto run = [=](milliseconds otherwise, auto change) {
    context->command = [=]() -> absl::Status {
      const absl::StatusOr<Session> session = Begin(*context, *arguments, otherwise);
      return session.ok() ? change(*session) : session.status();
    };
  };

  CLI::App* add = add_change("add", "add a node that runs with an empty data directory",
                             "NAME=HOST:PORT, its peer address");
  add->add_option("--role", arguments->role, "a voter is a learner until it has caught up")
      ->check(CLI::IsMember({"voter", "learner", "witness"}))
      ->capture_default_str();
  add->callback([=] {
    NewMember member = ParsedNode("NODE", arguments->node);
    if (arguments->role == "witness") member.role = Role::kWitness;
    const bool as_voter = arguments->role == "voter";
    run(as_voter ? kCatchUpTimeout : kChangeTimeout,
        [=](const Session& session) { return Add(*context, session, member, as_voter); });
  });
  add_change("promote", "make a voter of a learner that has caught up", "NAME or NAME#ID")
      ->callback([=] {
        const MemberRef ref = Parsed("NODE", ParseMemberRef(arguments->node));
        run(kChangeTimeout,
            [=](const Session& session) { return Promote(*context, session, ref); });
      });
  add_change("remove", "remove a member; it may be gone already", "NAME or NAME#ID")->callback([=] {
    const MemberRef ref = Parsed("NODE", ParseMemberRef(arguments->node));
    run(kChangeTimeout, [=](const Session& session) { return Remove(*context, session, ref); });
  });
  CLI::App* replace =
      add_change("replace", "put a node with an empty data directory in the place of a member",
                 "the member: NAME or NAME#ID");
  replace->add_option("NEW", arguments->other, "NAME=HOST:PORT of the new node's peer address")
      ->required();
  replace->callback([=] {
    const MemberRef ref = Parsed("NODE", ParseMemberRef(arguments->node));
    const NewMember member = ParsedNode("NEW", arguments->other);
    run(kCatchUpTimeout,
        [=](const Session& session) { return Replace(*context, session, ref, member); });
  });
}

}  // namespace baton::cli
