#include "tests/history/linearizability.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <map>
#include <optional>
#include <unordered_map>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"

namespace baton::history {
namespace {

using Clock = std::chrono::steady_clock;
using KeyHistory = std::vector<const Operation*>;

// The state of one key is the number of its value. A new kind of operation needs a line in Step.
using State = uint32_t;
constexpr State kAbsent = 0;

struct Op {
  Kind kind;
  bool certain;  // returned; else it may be placed at any time after its invocation, or never
  State value;   // written, or found
  uint64_t hash[2];
  int64_t alike_before = -1;  // the op of unknown outcome that does the same and was invoked before
  bool placed = false;
};

// The state after `op` in `state`; nothing if it cannot be next.
std::optional<State> Step(const Op& op, State state) {
  switch (op.kind) {
    case Kind::kGet:
      return op.value == state ? std::optional<State>(state) : std::nullopt;
    case Kind::kPut:
      return op.value;
    case Kind::kDelete:
      return kAbsent;
  }
  return std::nullopt;
}

uint64_t Mix(uint64_t x) {  // splitmix64
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

struct Budget {
  Clock::time_point until;
  uint64_t states_max;
  uint64_t states = 0;  // of all searches
};

// One search over one key: the events of its operations in a list ordered by time, from which an
// operation is lifted while it is placed in the order that is tried.
class Search {
 public:
  Search(const KeyHistory& key, int64_t until_us, const KeyHistory& returned);
  Verdict Run(Budget* budget);

 private:
  static constexpr size_t kHead = 0;
  struct Event {  // the invocation or the return of an op
    int64_t at_us;
    bool is_return;
    size_t op;
    size_t other = kHead;  // the return of an invocation; kHead: none
    size_t before = 0, after = 0;
  };
  struct Placed {
    size_t event;
    State before;
    bool forced;  // no other choice is worth trying
  };

  struct Finds {  // of one value
    int writers = 0;
    int64_t first_us = std::numeric_limits<int64_t>::max();  // returns of gets that found it
    int64_t last_us = std::numeric_limits<int64_t>::min();
  };

  static std::optional<std::string> Written(const Operation& write) {
    return write.kind == Kind::kDelete ? std::nullopt : write.value;
  }
  State Number(const std::optional<std::string>& value);
  void Add(const Operation& operation, std::optional<int64_t> returned_us);
  void LinkEvents();
  void Unlink(size_t event);
  void Relink(size_t event);
  void Place(size_t event, State after, bool forced);
  void PlaceGets();
  bool MayBeNext(const Op& op) const { return op.alike_before < 0 || ops_[op.alike_before].placed; }
  bool IsNew(const Op& op, State after);
  bool StepBack(size_t* at);

  std::map<std::string, State> numbers_;
  std::vector<Op> ops_;
  std::vector<Event> events_;  // [kHead] closes the ring
  std::vector<Placed> order_;
  absl::flat_hash_set<std::pair<uint64_t, uint64_t>> visited_;
  uint64_t hash_[2] = {0, 0};  // of the set of ops placed
  State state_ = kAbsent;
  size_t certain_left_ = 0;
};

// Of `key`, what was invoked by until_us. What is not in `returned` has not returned by then.
Search::Search(const KeyHistory& key, int64_t until_us, const KeyHistory& returned) {
  events_.push_back(Event{});
  std::map<std::optional<std::string>, Finds> finds;
  for (const Operation* one : key) {
    if (one->kind != Kind::kGet) ++finds[Written(*one)].writers;
  }
  for (const Operation* one : returned) {
    if (one->kind != Kind::kGet) continue;
    Finds& found = finds[one->value];
    found.first_us = std::min(found.first_us, one->returned_us);
    found.last_us = std::max(found.last_us, one->returned_us);
  }
  std::map<State, int64_t> last_alike;
  const absl::flat_hash_set<const Operation*> certain(returned.begin(), returned.end());
  for (const Operation* one : key) {
    if (certain.contains(one)) {
      Add(*one, one->returned_us);
    } else if (one->kind != Kind::kGet && one->invoked_us <= until_us) {
      const Finds& found = finds[Written(*one)];
      if (found.last_us < one->invoked_us) continue;
      if (one->value && found.writers == 1 && found.first_us >= one->invoked_us) {
        Add(*one, found.first_us);  // no other can have written what was found
        continue;
      }
      Add(*one, std::nullopt);
      Op& op = ops_.back();
      int64_t& alike = last_alike.try_emplace(op.value, -1).first->second;
      op.alike_before = alike;
      alike = static_cast<int64_t>(ops_.size()) - 1;
    }
  }
  LinkEvents();
}

State Search::Number(const std::optional<std::string>& value) {
  if (!value) return kAbsent;
  return numbers_.try_emplace(*value, static_cast<State>(numbers_.size() + 1)).first->second;
}

void Search::Add(const Operation& operation, std::optional<int64_t> returned_us) {
  Op op;
  op.kind = operation.kind;
  op.certain = returned_us.has_value();
  op.value = operation.kind == Kind::kDelete ? kAbsent : Number(operation.value);
  op.hash[0] = Mix(2 * ops_.size());
  op.hash[1] = Mix(2 * ops_.size() + 1);
  events_.push_back(Event{operation.invoked_us, false, ops_.size()});
  if (returned_us) {
    events_.push_back(Event{*returned_us, true, ops_.size()});
    ++certain_left_;
  }
  ops_.push_back(op);
}

void Search::LinkEvents() {
  // At one time invocations come first: what merely touches is concurrent.
  std::stable_sort(events_.begin() + 1, events_.end(), [](const Event& a, const Event& b) {
    return std::pair(a.at_us, a.is_return) < std::pair(b.at_us, b.is_return);
  });
  std::vector<size_t> invocation(ops_.size());
  for (size_t i = 0; i < events_.size(); ++i) {
    events_[i].before = (i + events_.size() - 1) % events_.size();
    events_[i].after = (i + 1) % events_.size();
    if (i == kHead) continue;
    if (events_[i].is_return) {
      events_[invocation[events_[i].op]].other = i;
    } else {
      invocation[events_[i].op] = i;
    }
  }
}

void Search::Unlink(size_t event) {
  events_[events_[event].before].after = events_[event].after;
  events_[events_[event].after].before = events_[event].before;
}

void Search::Relink(size_t event) {
  events_[events_[event].before].after = event;
  events_[events_[event].after].before = event;
}

void Search::Place(size_t event, State after, bool forced) {
  order_.push_back(Placed{event, state_, forced});
  state_ = after;
  Op& op = ops_[events_[event].op];
  op.placed = true;
  hash_[0] ^= op.hash[0];
  hash_[1] ^= op.hash[1];
  certain_left_ -= op.certain;
  Unlink(event);
  if (events_[event].other != kHead) Unlink(events_[event].other);
}

void Search::PlaceGets() {
  for (size_t at = events_[kHead].after; at != kHead && !events_[at].is_return;) {
    const size_t after = events_[at].after;
    const Op& op = ops_[events_[at].op];
    const bool fits = op.kind == Kind::kGet && op.value == state_;
    if (fits) Place(at, state_, true);
    // The return that ended the scan may have been this one's.
    at = fits ? events_[events_[at].before].after : after;
  }
}

bool Search::IsNew(const Op& op, State after) {
  return visited_
      .insert({hash_[0] ^ op.hash[0] ^ Mix(~uint64_t{2 * after}),
               hash_[1] ^ op.hash[1] ^ Mix(~uint64_t{2 * after + 1})})
      .second;
}

// Takes back the last choice that had an alternative. False: there is none.
bool Search::StepBack(size_t* at) {
  while (!order_.empty()) {
    const Placed last = order_.back();
    order_.pop_back();
    if (events_[last.event].other != kHead) Relink(events_[last.event].other);
    Relink(last.event);
    Op& op = ops_[events_[last.event].op];
    op.placed = false;
    hash_[0] ^= op.hash[0];
    hash_[1] ^= op.hash[1];
    certain_left_ += op.certain;
    state_ = last.before;
    *at = events_[last.event].after;
    if (!last.forced) return true;
  }
  return false;
}

Verdict Search::Run(Budget* budget) {
  PlaceGets();
  size_t at = events_[kHead].after;
  while (certain_left_ > 0) {
    const Event& event = events_[at];
    if (event.is_return) {
      if (!StepBack(&at)) return Verdict::kNotLinearizable;
      continue;
    }
    const Op& op = ops_[event.op];
    const std::optional<State> after = Step(op, state_);
    if (!after || !MayBeNext(op) || !IsNew(op, *after)) {
      at = event.after;
      continue;
    }
    if (visited_.size() > budget->states_max) return Verdict::kUnknown;
    if (++budget->states % 4'096 == 0 && Clock::now() > budget->until) return Verdict::kUnknown;
    Place(at, *after, false);
    PlaceGets();
    at = events_[kHead].after;
  }
  return Verdict::kLinearizable;
}

// ---- One key, and the explanation

KeyHistory Returned(const KeyHistory& key) {
  KeyHistory returned;
  for (const Operation* one : key) {
    if (one->outcome == Outcome::kOk) returned.push_back(one);
  }
  std::stable_sort(returned.begin(), returned.end(), [](const Operation* a, const Operation* b) {
    return a->returned_us < b->returned_us;
  });
  return returned;
}

// The first return up to which the key is not linearizable. A history that begins with one that is
// not linearizable is not either: bisection.
const Operation* FindCulprit(const KeyHistory& key, const KeyHistory& returned, Budget* budget) {
  size_t good = 0;
  size_t bad = returned.size();
  while (bad - good > 1) {
    const size_t middle = (good + bad) / 2;
    const KeyHistory part(returned.begin(), returned.begin() + static_cast<ptrdiff_t>(middle));
    const Verdict verdict = Search(key, part.back()->returned_us, part).Run(budget);
    if (verdict == Verdict::kUnknown) break;  // a later return is a true answer too
    (verdict == Verdict::kLinearizable ? good : bad) = middle;
  }
  return returned[bad - 1];
}

std::string Describe(const Operation& one) {
  std::string text = absl::StrCat("  [", one.invoked_us, ", ", one.returned_us, "] client ",
                                  one.client, " ", std::string(Name(one.kind)));
  const std::string value = one.value ? "\"" + *one.value + "\"" : "absent";
  if (one.kind == Kind::kPut) absl::StrAppend(&text, " ", value);
  if (one.kind == Kind::kGet) absl::StrAppend(&text, " -> ", value);
  if (one.outcome != Outcome::kOk) absl::StrAppend(&text, " ", std::string(Name(one.outcome)));
  if (one.revision != 0) absl::StrAppend(&text, " revision ", one.revision);
  if (one.slot != 0) absl::StrAppend(&text, " slot ", one.slot);
  return text;
}

bool Writes(const Operation& one, const std::optional<std::string>& value) {
  return value ? one.kind == Kind::kPut && one.value == value : one.kind == Kind::kDelete;
}

std::string Explain(const std::string& key, const KeyHistory& history, const Operation& culprit) {
  constexpr size_t kShownMax = 16;
  std::string text = absl::StrCat("key \"", key, "\": no order of what was invoked by ",
                                  culprit.returned_us, " us explains\n", Describe(culprit), "\n");
  std::vector<const Operation*> before;
  const Operation* writer = nullptr;
  for (const Operation* one : history) {
    if (one == &culprit || one->invoked_us > culprit.returned_us) continue;
    if (one->kind == Kind::kGet && one->outcome != Outcome::kOk) continue;
    before.push_back(one);
    if (culprit.kind == Kind::kGet && Writes(*one, culprit.value)) writer = one;
  }
  if (culprit.kind == Kind::kGet && culprit.value) {
    absl::StrAppend(&text, writer == nullptr
                               ? "nothing had written that value\n"
                               : "that value was last written by\n" + Describe(*writer) + "\n");
  }
  absl::StrAppend(&text, "operations of the key until then, the newest last:\n");
  const size_t first = before.size() > kShownMax ? before.size() - kShownMax : 0;
  if (first > 0) absl::StrAppend(&text, "  (", first, " earlier ones)\n");
  for (size_t i = first; i < before.size(); ++i) {
    absl::StrAppend(&text, Describe(*before[i]), "\n");
  }
  return text;
}

}  // namespace

Judgement CheckLinearizable(const std::vector<Operation>& history, const CheckLimits& limits) {
  std::map<std::string, KeyHistory> keys;
  for (const Operation& one : history) {
    if (one.outcome != Outcome::kFailed) keys[one.key].push_back(&one);
  }
  Budget budget{Clock::now() + std::chrono::microseconds(limits.time_us), limits.states_max};
  Judgement judgement;
  for (auto& [key, operations] : keys) {
    std::stable_sort(
        operations.begin(), operations.end(),
        [](const Operation* a, const Operation* b) { return a->invoked_us < b->invoked_us; });
    const KeyHistory returned = Returned(operations);
    if (returned.empty()) continue;
    const Verdict verdict = Search(operations, returned.back()->returned_us, returned).Run(&budget);
    if (verdict == Verdict::kNotLinearizable) {
      judgement.verdict = verdict;
      judgement.key = key;
      const Operation* culprit = FindCulprit(operations, returned, &budget);
      judgement.culprit = *culprit;
      judgement.explanation = Explain(key, operations, *culprit);
      break;
    }
    if (verdict == Verdict::kUnknown && judgement.verdict == Verdict::kLinearizable) {
      judgement.verdict = verdict;  // a later key may still be a violation
      judgement.key = key;
      judgement.explanation = absl::StrCat("key \"", key, "\": no answer within the limits after ",
                                           budget.states, " states");
    }
  }
  judgement.states = budget.states;
  return judgement;
}

}  // namespace baton::history
