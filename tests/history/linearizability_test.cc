// The checker against histories with planted violations, histories that look wrong and are not, and
// random ones whose answer is known: by construction, or by trying every order.
#include "tests/history/linearizability.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <numeric>
#include <random>

namespace baton::history {
namespace {

using History = std::vector<Operation>;

Operation Put(uint64_t client, int64_t from, int64_t to, const std::string& value,
              Outcome outcome = Outcome::kOk) {
  return {client, Kind::kPut, "k", value, from, to, outcome};
}
Operation Delete(uint64_t client, int64_t from, int64_t to, Outcome outcome = Outcome::kOk) {
  return {client, Kind::kDelete, "k", std::nullopt, from, to, outcome};
}
Operation Get(uint64_t client, int64_t from, int64_t to, std::optional<std::string> value) {
  return {client, Kind::kGet, "k", std::move(value), from, to, Outcome::kOk};
}

void ExpectPasses(const History& history) {
  const Judgement judgement = CheckLinearizable(history);
  EXPECT_EQ(judgement.verdict, Verdict::kLinearizable) << judgement.explanation;
  EXPECT_EQ(judgement.explanation, "");
}

void ExpectFails(const History& history, const Operation& culprit) {
  const Judgement judgement = CheckLinearizable(history);
  EXPECT_EQ(judgement.verdict, Verdict::kNotLinearizable);
  EXPECT_EQ(judgement.culprit, culprit) << judgement.explanation;
  EXPECT_EQ(judgement.key, culprit.key);
}

TEST(Linearizability, EmptyAndSequential) {
  ExpectPasses({});
  ExpectPasses({Get(1, 0, 1, std::nullopt), Put(1, 2, 3, "a"), Get(1, 4, 5, "a"), Delete(1, 6, 7),
                Get(1, 8, 9, std::nullopt)});
}

TEST(Linearizability, AReadBesideAWriteMayFindEither) {
  for (const auto& found : {std::optional<std::string>("a"), std::optional<std::string>("b")}) {
    ExpectPasses({Put(1, 0, 1, "a"), Put(1, 2, 10, "b"), Get(2, 3, 4, found)});
  }
}

TEST(Linearizability, WhatMerelyTouchesIsConcurrent) {
  ExpectPasses({Put(1, 0, 5, "a"), Get(2, 5, 6, std::nullopt)});
}

TEST(Linearizability, StaleRead) {
  const Operation stale = Get(2, 4, 5, "a");
  ExpectFails({Put(1, 0, 1, "a"), Put(1, 2, 3, "b"), stale, Get(1, 6, 7, "b")}, stale);
}

TEST(Linearizability, LostUpdate) {
  const Operation lost = Get(1, 6, 7, "a");
  ExpectFails({Put(1, 0, 1, "a"), Get(2, 2, 3, "a"), Put(2, 4, 5, "b"), lost}, lost);
}

TEST(Linearizability, ALostFirstWrite) {
  const Operation lost = Get(1, 2, 3, std::nullopt);
  ExpectFails({Put(1, 0, 1, "a"), lost}, lost);
}

TEST(Linearizability, ReadOfAValueNeverWritten) {
  const Operation invented = Get(1, 2, 3, "x");
  const History history = {Put(1, 0, 1, "a"), invented};
  ExpectFails(history, invented);
  EXPECT_NE(CheckLinearizable(history).explanation.find("nothing had written"), std::string::npos);
}

TEST(Linearizability, ReadOfAValueWrittenLater) {
  const Operation early = Get(2, 0, 1, "a");
  ExpectFails({early, Put(1, 2, 3, "a")}, early);
}

TEST(Linearizability, ReadOfAFailedWrite) {
  const Operation read = Get(2, 2, 3, "a");
  ExpectFails({Put(1, 0, 1, "a", Outcome::kFailed), read}, read);
}

TEST(Linearizability, SplitBrain) {  // two leaders each serve their own writes
  const Operation other_side = Get(2, 6, 7, "b");
  ExpectFails({Put(1, 0, 1, "a"), Put(2, 2, 3, "b"), Get(1, 4, 5, "a"), other_side},
              Get(1, 4, 5, "a"));
  ExpectFails({Put(1, 0, 3, "a"), Put(2, 0, 3, "b"), Get(1, 4, 5, "a"), other_side}, other_side);
}

TEST(Linearizability, ReadsThatGoBackwards) {
  const Operation back = Get(3, 5, 6, "a");
  ExpectFails({Put(1, 0, 1, "a"), Put(1, 2, 20, "b"), Get(2, 3, 4, "b"), back}, back);
}

TEST(Linearizability, AnUnknownWriteMayTakeEffectLate) {
  ExpectPasses({Put(1, 0, 1, "a"), Put(1, 2, 3, "b", Outcome::kUnknown), Get(2, 10, 11, "a"),
                Get(2, 50, 51, "b"), Get(2, 60, 61, "b")});
  ExpectPasses({Put(1, 0, 1, "a"), Delete(1, 2, 3, Outcome::kUnknown), Get(2, 10, 11, "a"),
                Get(2, 50, 51, std::nullopt)});
}

TEST(Linearizability, AnUnknownWriteMayNeverTakeEffect) {
  ExpectPasses({Put(1, 0, 1, "a"), Put(1, 2, 3, "b", Outcome::kUnknown), Get(2, 10, 11, "a")});
}

TEST(Linearizability, AnUnknownWriteTakesEffectOnce) {
  const Operation again = Get(2, 30, 31, "b");
  ExpectFails({Put(1, 0, 1, "b", Outcome::kUnknown), Get(2, 10, 11, "b"), Put(2, 20, 21, "c"),
               Get(2, 22, 23, "c"), again},
              again);
}

TEST(Linearizability, AnUnknownWriteNotBeforeItsInvocation) {
  const Operation early = Get(2, 0, 1, "b");
  ExpectFails({early, Put(1, 2, 3, "b", Outcome::kUnknown), Get(2, 10, 11, "b")}, early);
}

TEST(Linearizability, ManyUnknownWritesOfOneValueAreOneChoice) {
  History history;
  int64_t at = 0;
  for (int i = 0; i < 40; ++i) {
    history.push_back(Delete(1, at, at + 1, Outcome::kUnknown));
    history.push_back(Put(2, at + 2, at + 3, std::to_string(i)));
    history.push_back(Get(2, at + 4, at + 5, std::nullopt));
    at += 10;
  }
  ExpectPasses(history);
  history.push_back(Put(2, at, at + 1, "end"));
  const Operation wrong = Get(2, at + 2, at + 3, std::nullopt);
  history.push_back(wrong);  // 41 times absent after a put, 40 deletes
  ExpectFails(history, wrong);
}

TEST(Linearizability, KeysAreJudgedApart) {
  History history = {Put(1, 0, 1, "a"), Get(1, 2, 3, "a")};
  Operation other = Get(2, 2, 3, "a");
  other.key = "j";
  history.push_back(other);
  ExpectFails(history, other);
}

TEST(Linearizability, UnknownIsNotAPass) {
  History history;
  for (int i = 0; i < 24; ++i) history.push_back(Put(i, 0, 100, std::to_string(i)));
  for (int i = 0; i < 24; ++i) history.push_back(Get(i, 101 + i, 102 + i, "x"));
  const Judgement judgement = CheckLinearizable(history, {.states_max = 1'000});
  EXPECT_EQ(judgement.verdict, Verdict::kUnknown);
  EXPECT_NE(judgement.explanation.find("limits"), std::string::npos);
}

// ---- Random histories

struct Shape {
  int clients = 8;
  int operations = 4'000;
  double unknown = 0.02;
};

// A register that takes each operation at a time between its invocation and its return, or, when
// the outcome is unknown, late or never. Linearizable by construction.
History Play(uint64_t seed, const Shape& shape) {
  std::mt19937_64 random(seed);
  struct Effect {
    int64_t at;
    size_t operation;
  };
  History history;
  std::vector<Effect> effects;
  std::vector<int64_t> free_at(shape.clients, 0);
  for (int i = 0; i < shape.operations; ++i) {
    const auto client = std::min_element(free_at.begin(), free_at.end());
    const int64_t from = *client + 1 + static_cast<int64_t>(random() % 20);
    const int64_t to = from + 1 + static_cast<int64_t>(random() % 100);
    *client = to;
    int64_t at = from + static_cast<int64_t>(random() % (to - from));
    Operation one = Get(client - free_at.begin(), from, to, std::nullopt);
    const uint64_t kind = random() % 10;
    if (kind < 5) one = Put(one.client, from, to, std::to_string(i));
    if (kind == 5) one = Delete(one.client, from, to);
    if (one.kind != Kind::kGet && static_cast<double>(random() % 1'000) < 1'000 * shape.unknown) {
      one.outcome = Outcome::kUnknown;
      if (random() % 2 == 0) at += static_cast<int64_t>(random() % 1'000);
      if (random() % 3 == 0) at = -1;
    }
    if (at >= 0) effects.push_back({at, history.size()});
    history.push_back(std::move(one));
  }
  std::stable_sort(effects.begin(), effects.end(),
                   [](const Effect& a, const Effect& b) { return a.at < b.at; });
  std::optional<std::string> state;
  for (const Effect& effect : effects) {
    Operation& one = history[effect.operation];
    if (one.kind == Kind::kGet) {
      one.value = state;
    } else {
      state = one.value;
    }
  }
  return history;
}

TEST(Linearizability, ThousandsOfOperationsOfEightClientsOnAKey) {
  const auto began = std::chrono::steady_clock::now();
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    ExpectPasses(Play(seed, {}));
    ExpectPasses(Play(seed, {.clients = 3, .unknown = 0.1}));
  }
  const auto took = std::chrono::steady_clock::now() - began;
  EXPECT_LT(took, std::chrono::seconds(10));  // some 10 ms each
}

TEST(Linearizability, OneWrongReadAmongThousandsIsFound) {
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    History history = Play(seed, {});
    // A read late in the history finds what was written, and overwritten, long before.
    size_t at = history.size() * 3 / 4;
    while (history[at].kind != Kind::kGet) ++at;
    size_t old = history.size() / 4;
    while (history[old].kind != Kind::kPut || history[old].outcome != Outcome::kOk) ++old;
    history[at].value = history[old].value;
    ExpectFails(history, history[at]);
  }
}

// Every order of small histories, without any of the checker's shortcuts.
bool AnyOrderFits(const History& history) {
  std::vector<size_t> order(history.size());
  std::iota(order.begin(), order.end(), 0);
  do {
    for (uint32_t left_out = 0; left_out < (1u << history.size()); ++left_out) {
      bool fits = true;
      std::optional<std::string> state;
      for (size_t i = 0; i < order.size() && fits; ++i) {
        const Operation& one = history[order[i]];
        const bool out = (left_out >> order[i]) & 1;
        if (out != (one.outcome == Outcome::kFailed)) {
          fits = one.outcome == Outcome::kUnknown;  // only that may be in or out
        }
        if (out || !fits) continue;
        for (size_t j = i + 1; j < order.size(); ++j) {
          const Operation& later = history[order[j]];
          const bool later_out = (left_out >> order[j]) & 1;
          if (!later_out && later.outcome == Outcome::kOk && later.returned_us < one.invoked_us) {
            fits = false;
          }
        }
        if (one.kind != Kind::kGet) {
          state = one.value;
        } else if (one.outcome == Outcome::kOk) {
          fits = fits && one.value == state;
        }
      }
      if (fits) return true;
    }
  } while (std::next_permutation(order.begin(), order.end()));
  return false;
}

TEST(Linearizability, AgreesWithTryingEveryOrder) {
  std::mt19937_64 random(7);
  int passes = 0;
  constexpr int kHistories = 3'000;
  for (int round = 0; round < kHistories; ++round) {
    History history;
    for (int i = 0; i < 5; ++i) {
      const auto from = static_cast<int64_t>(random() % 12);
      const int64_t to = from + static_cast<int64_t>(random() % 6);
      const std::string value(1, static_cast<char>('a' + random() % 2));
      Operation one = Get(i, from, to, value);
      if (random() % 2 == 0)
        one = random() % 3 == 0 ? Delete(i, from, to) : Put(i, from, to, value);
      if (one.kind == Kind::kGet && random() % 3 == 0) one.value = std::nullopt;
      const uint64_t outcome = random() % 6;
      if (outcome == 0) one.outcome = Outcome::kUnknown;
      if (outcome == 1 && one.kind != Kind::kGet) one.outcome = Outcome::kFailed;
      history.push_back(std::move(one));
    }
    const bool fits = AnyOrderFits(history);
    passes += fits;
    const Judgement judgement = CheckLinearizable(history);
    EXPECT_EQ(judgement.verdict == Verdict::kLinearizable, fits) << judgement.explanation;
  }
  EXPECT_GT(passes, kHistories / 10);
  EXPECT_LT(passes, kHistories * 9 / 10);
}

}  // namespace
}  // namespace baton::history
