#include "engine/state/sessions.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "engine/state/apply.h"
#include "engine/state/session_rows.h"
#include "engine/storage/key_encoding.h"
#include "tests/engine/test_engines.h"

namespace baton::engine {
namespace {

using namespace std::string_literals;  // NOLINT: the s of strings
using testing::Kind;
using testing::TestEngine;

Fate Put(uint64_t revision) {
  Fate fate;
  fate.result.revision = Revision{revision};
  return fate;
}

Effect Opens(uint64_t id, uint64_t ttl_ms = 5'000) {
  Effect effect;
  effect.kind = EffectKind::kOpenSession;
  effect.revision = Revision{id};
  effect.ttl_ms = ttl_ms;
  return effect;
}

// `fate` outlives what is returned.
Effect Keeps(const SessionStamp& stamp, const std::string& fate, uint64_t revision = 0) {
  Effect effect;
  effect.kind = EffectKind::kResult;
  effect.revision = Revision{revision};
  effect.stamp = stamp;
  effect.result = fate;
  return effect;
}

Effect Of(EffectKind kind, uint64_t id) {
  Effect effect;
  effect.kind = kind;
  effect.stamp.session = id;
  return effect;
}

using Runs = std::map<uint64_t, UnusedRun>;

constexpr Ballot kFirst{1, NodeId{1}};
constexpr Ballot kSecond{2, NodeId{2}};

std::string Fenced() {
  Fate fate;
  fate.fenced = true;
  return EncodeFate(fate);
}
std::string LostBy(const Ballot& ballot) {
  Fate fate;
  fate.fenced = true;
  fate.lost = LossName{EntryId{ballot, Slot{3}}, 0};
  return EncodeFate(fate);
}

TEST(SessionTest, RemembersWhichNumbersTookNoEffect) {
  SessionTable table;
  table.Apply(Opens(1), Slot{1}, 0);
  const std::string put = EncodeFate(Put(7));
  const std::string fence = Fenced();
  table.Apply(Keeps({1, 1, 1}, put, 7), Slot{2}, 0);
  table.Apply(Keeps({1, 3, 1}, fence), Slot{3}, 0);
  table.Apply(Keeps({1, 5, 5}, put, 8), Slot{4}, 0);  // 2 and 4 never came
  const auto counts = [&](uint64_t n) { return table.Find(1)->CountsElsewhere(n, kFirst); };
  EXPECT_TRUE(counts(1));
  for (uint64_t n : {2, 3, 4}) EXPECT_FALSE(counts(n)) << n;
  EXPECT_FALSE(counts(5)) << "its result is kept, and says so";
  EXPECT_EQ(table.Find(1)->unused, (Runs{{2, {5, {}}}}));

  // A whole budget may be lost at once.
  const uint64_t far = 10 * kSessionWindowMax;
  table.Apply(Keeps({1, far, far}, put, 9), Slot{5}, 0);
  EXPECT_EQ(table.Find(1)->unused, (Runs{{2, {5, {}}}, {6, {far, {}}}}));
  EXPECT_TRUE(counts(1));
  EXPECT_TRUE(counts(5));
  EXPECT_FALSE(counts(6));
  EXPECT_FALSE(counts(far - 1));

  // More runs than it remembers: of the oldest it is not known any more.
  for (uint64_t i = 1; i < kUnusedMax; ++i) {
    table.Apply(Keeps({1, far + 2 * i, far + 2 * i}, put, 9 + i), Slot{5 + i}, 0);
  }
  EXPECT_EQ(table.Find(1)->unused.size(), kUnusedMax);
  EXPECT_EQ(table.Find(1)->unused_from, 5u);
  EXPECT_FALSE(counts(1));
  EXPECT_TRUE(counts(5));
  EXPECT_TRUE(counts(far));
  EXPECT_FALSE(counts(far + 1));
}

// Its client sent it in two reigns, and let go of it; both lost it.
TEST(SessionTest, RemembersWhoseReignLostANumber) {
  SessionTable table;
  table.Apply(Opens(1), Slot{1}, 0);
  const std::string put = EncodeFate(Put(7));
  const std::string loss = LostBy(kFirst);
  table.Apply(Keeps({1, 2, 1}, loss), Slot{2}, 0);
  table.Apply(Keeps({1, 9, 9}, put, 8), Slot{3}, 0);
  EXPECT_EQ(table.Find(1)->unused, (Runs{{1, {2, {}}}, {2, {3, kFirst}}, {3, {9, {}}}}));
  for (uint64_t n : {3, 4, 8, 6, 9, 20}) table.Apply(Keeps({1, n, 1}, loss), Slot{4}, 0);
  const Runs runs = {{1, {2, {}}},     {2, {5, kFirst}}, {5, {6, {}}},
                     {6, {7, kFirst}}, {7, {8, {}}},     {8, {9, kFirst}}};
  EXPECT_EQ(table.Find(1)->unused, runs);
  const std::string again = LostBy(kSecond);
  table.Apply(Keeps({1, 4, 1}, again), Slot{5}, 0);
  EXPECT_EQ(table.Find(1)->unused, runs) << "one row counts";
  for (uint64_t n : {2, 3, 4, 6, 8}) {
    EXPECT_TRUE(table.Find(1)->CountsElsewhere(n, kSecond)) << n;
    EXPECT_FALSE(table.Find(1)->CountsElsewhere(n, kFirst)) << n << ", told again";
  }
  for (uint64_t n : {1, 5, 7}) EXPECT_FALSE(table.Find(1)->CountsElsewhere(n, kSecond)) << n;
}

TEST(FateTest, APlainPutTakesOneByte) {
  EXPECT_EQ(EncodeFate(Put(7)), "\x02"s);
  const auto read = DecodeFate("\x02", Revision{7});
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(*read, Put(7));
}

TEST(FateTest, CarriesAllThatAResultMaySay) {
  Fate fate = Put(9);
  fate.result.existed = false;
  fate.result.deleted = 300;
  fate.result.numbers = {-1, 0, INT64_MAX, INT64_MIN};
  auto read = DecodeFate(EncodeFate(fate), Revision{9});
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(*read, fate);

  Fate rejected;
  rejected.result.rejection = Rejection{Rejection::Why::kValueTooLong, 3, Revision{4}, 1 << 20};
  read = DecodeFate(EncodeFate(rejected), Revision{});
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(*read, rejected);

  Fate fenced;
  fenced.fenced = true;
  read = DecodeFate(EncodeFate(fenced), Revision{});
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(*read, fenced);
  fenced.lost = LossName{EntryId{Ballot{3, NodeId{2}}, Slot{500}}, 7};
  read = DecodeFate(EncodeFate(fenced), Revision{});
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(*read, fenced);
}

TEST(FateTest, RefusesWhatIsNone) {
  for (const std::string& bytes : {""s, "\x02\x00"s, "\x03"s, "\x10"s, "\x20\x00"s, "\x20\x05\x02"s,
                                   "\x40\x63\x00\x00\x00"s, "\x80\x01"s}) {
    EXPECT_EQ(DecodeFate(bytes, Revision{1}).status().code(), absl::StatusCode::kDataLoss);
  }
  EXPECT_EQ(DecodeFate("\x02", Revision{}).status().code(), absl::StatusCode::kDataLoss)
      << "it says that its request has a revision";
  EXPECT_EQ(DecodeFate("\x80\x02", Revision{1}).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST(SessionTableTest, KeepsResultsUntilTheyAreNotNeeded) {
  SessionTable table;
  const std::string fate = EncodeFate(Put(1));
  table.Apply(Opens(5), Slot{1}, 100);
  for (uint64_t n = 1; n <= 4; ++n) table.Apply(Keeps({5, n, 1}, fate, 10 + n), Slot{1 + n}, 200);
  table.Apply(Keeps({5, 6, 4}, fate, 20), Slot{9}, 300);
  const Session* session = table.Find(5);
  ASSERT_NE(session, nullptr);
  EXPECT_EQ(session->kept.size(), 2u);
  EXPECT_EQ(StandingOf(*session, 3, 1), Standing::kTooOld);
  EXPECT_EQ(StandingOf(*session, 4, 1), Standing::kKept);
  EXPECT_EQ(StandingOf(*session, 5, 1), Standing::kNew) << "a gap";
  EXPECT_EQ(StandingOf(*session, 3 + kSessionWindowMax, 4), Standing::kNew);
  EXPECT_EQ(StandingOf(*session, 4 + kSessionWindowMax, 4), Standing::kTooFarOn);
  EXPECT_EQ(StandingOf(*session, 4 + kSessionWindowMax, 5), Standing::kNew)
      << "what the request itself says counts";
  EXPECT_EQ(session->kept.at(4).of_request, Revision{14});
  EXPECT_EQ(session->kept.at(4).slot, Slot{5});
}

TEST(SessionTableTest, WhatHasEndedIsNotBroughtBack) {
  SessionTable table;
  table.Apply(Opens(5, 1'000), Slot{1}, 0);
  table.Apply(Opens(6, 2'000), Slot{1}, 0);
  table.Apply(Of(EffectKind::kTouchSession, 5), Slot{2}, 500'000);
  EXPECT_EQ(table.Find(5)->EndsUs(), 1'500'000);
  const std::string kept = EncodeFate(Put(1));
  table.Apply(Keeps({5, 1, 1}, kept, 4), Slot{2}, 500'000);
  table.Apply(Keeps({5, 2, 1}, kept, 5), Slot{2}, 500'000);
  table.Apply(Keeps({5, 2, 1}, kept, 6), Slot{2}, 500'000);  // again: nothing
  EXPECT_EQ(table.kept_bytes(), 2 * table.Find(5)->kept.at(1).Bytes());
  table.Apply(Keeps({5, 3, 3}, kept, 7), Slot{2}, 500'000);
  EXPECT_EQ(table.kept_bytes(), table.Find(5)->kept.at(3).Bytes());
  table.Apply(Of(EffectKind::kEndSession, 5), Slot{3}, 600'000);
  EXPECT_EQ(table.kept_bytes(), 0u);
  EXPECT_EQ(table.Find(5), nullptr);
  const std::string fate = EncodeFate(Put(1));
  table.Apply(Keeps({5, 1, 1}, fate, 4), Slot{4}, 700'000);
  EXPECT_EQ(table.size(), 1u) << "nothing brings it back";
}

TEST(SessionTableTest, TheHighestNumberOfAllGoesWithItsSession) {
  SessionTable table;
  table.Apply(Opens(5, 1'000), Slot{1}, 0);
  table.Apply(Keeps({5, UINT64_MAX, UINT64_MAX}, EncodeFate(Put(1)), 4), Slot{2}, 0);
  EXPECT_GT(table.kept_bytes(), 0u);
  table.Apply(Of(EffectKind::kEndSession, 5), Slot{3}, 0);
  EXPECT_EQ(table.kept_bytes(), 0u);
}

TEST(SessionEffectsTest, TheBytesAreThoseOfThePage) {
  EffectsWriter writer(Revision{300});
  writer.BeginRequest();
  writer.OpenSession(5'000);
  EXPECT_EQ(writer.EndRequest(), Revision{300});
  writer.BeginRequest();
  writer.Put(kDefaultKeyspace, "a", "xy");
  EXPECT_EQ(writer.EndRequest(), Revision{301});
  writer.KeepResult({300, 1, 1}, EncodeFate(Put(301)));
  writer.KeepResult({300, 2, 1}, "\x01");
  writer.TouchSession(300);
  writer.EndSession(300);
  EXPECT_EQ(writer.bytes(),
            "\x01"
            "\x01\x05\x88\x27"
            "\x01\x02\x05\x00\x00\x00\x01\x61\x06\x01\x00\xad\x02\x78\x79"
            "\x06\xac\x02\x01\x01\x01\x02"
            "\x06\xac\x02\x02\x01\x01\x01"
            "\x08\xac\x02"
            "\x07\xac\x02"s);
  EXPECT_EQ(writer.requests(), 2u) << "results, ends and touches take no revision";

  EffectsReader reader(writer.bytes(), writer.base());
  std::vector<EffectKind> kinds;
  for (Effect effect; reader.Next(&effect);) {
    kinds.push_back(effect.kind);
    const bool opens = effect.kind == EffectKind::kOpenSession;
    EXPECT_EQ(effect.revision, Revision{opens ? 300u : 301u});
  }
  ASSERT_TRUE(reader.status().ok());
  EXPECT_EQ(kinds, (std::vector<EffectKind>{EffectKind::kOpenSession, EffectKind::kPut,
                                            EffectKind::kResult, EffectKind::kResult,
                                            EffectKind::kTouchSession, EffectKind::kEndSession}));
}

TEST(SessionEffectsTest, ReaderRefusesWhatIsNone) {
  for (const std::string& bytes : {
           "\x01\x05\x88\x27"s,              // opened outside a request
           "\x01\x01\x05\x01"s,              // a time to live below the least
           "\x01\x01\x06\x01\x01\x01\x00"s,  // a result that begins a request
           "\x01\x06\x01\x00\x00\x00"s,      // sequence 0
           "\x01\x06\x01\x01\x02\x00"s,      // needs nothing below a later one
           "\x01\x07\x00"s,                  // session 0
           "\x01\x06\x01\x01\x01\x09"s,      // cut off
       }) {
    EffectsReader reader(bytes, Revision{1});
    for (Effect effect; reader.Next(&effect);) continue;
    EXPECT_EQ(reader.status().code(), absl::StatusCode::kDataLoss) << bytes.size();
  }
}

class SessionRowsTest : public ::testing::TestWithParam<Kind> {
 protected:
  static constexpr Sessions::Limits kLimits{.rows_max = 4, .bytes_max = 1 << 20};

  // One batch of one entry.
  void Apply(const EffectsWriter& writer) {
    ++slot_;
    ASSERT_TRUE(
        applier_
            .Add(Slot{slot_}, writer.bytes(), writer.base(), static_cast<int64_t>(slot_) * 1'000)
            .ok());
    ASSERT_TRUE(applier_.Commit().ok());
  }
  uint64_t Open() {
    EffectsWriter writer(Revision{slot_ * 10 + 10});
    writer.BeginRequest();
    writer.OpenSession(5'000);
    const Revision id = writer.EndRequest();
    Apply(writer);
    return id.value;
  }
  void Keep(const SessionStamp& stamp) {
    EffectsWriter writer(Revision{slot_ * 10 + 10});
    writer.BeginRequest();
    writer.Put(kDefaultKeyspace, "k", "v");
    const Revision revision = writer.EndRequest();
    writer.KeepResult(stamp, EncodeFate(Put(revision.value)));
    Apply(writer);
  }
  void End(uint64_t session) {
    EffectsWriter writer(Revision{slot_ * 10 + 10});
    writer.EndSession(session);
    Apply(writer);
  }
  void ExpectReadBackTheSame() {
    Sessions again(kLimits);
    ASSERT_TRUE(again.Load(*engine_).ok());
    EXPECT_TRUE(again.Read() == sessions_.Read()) << "at slot " << slot_;
  }
  size_t RowsOnDisk() {
    const auto snapshot = engine_->NewSnapshot();
    const auto it = snapshot->NewIterator(SystemKey(SystemTable::kEngine, "r"),
                                          SystemKey(SystemTable::kEngine, "t"), ReadTier::kAny);
    size_t rows = 0;
    for (it->SeekToFirst(); it->Valid(); it->Next()) ++rows;
    return rows;
  }

  TestEngine engine_{GetParam()};
  Catalog catalog_;
  Sessions sessions_{kLimits};
  BatchApplier applier_{engine_.get(), &catalog_, &sessions_};
  uint64_t slot_ = 0;
};

TEST_P(SessionRowsTest, AreReadBackAtEveryStep) {
  const uint64_t busy = Open();
  const uint64_t idle = Open();
  Keep({idle, 1, 1});
  for (uint64_t n = 1; n <= 40; ++n) {
    Keep({busy, n, n > 3 ? n - 3 : 1});
    ExpectReadBackTheSame();
  }
  EXPECT_LE(RowsOnDisk(), kLimits.rows_max + 2) << "one of each batch kept, one of each session";
  End(idle);
  ExpectReadBackTheSame();
  for (uint64_t n = 41; n <= 50; ++n) {
    Keep({busy, n, n - 3});
    ExpectReadBackTheSame();
  }
  EXPECT_LE(RowsOnDisk(), kLimits.rows_max + 1);
  End(busy);
  ExpectReadBackTheSame();
}

TEST_P(SessionRowsTest, ANodeThatReadThemBackGoesOnAsTheOther) {
  const uint64_t session = Open();
  for (uint64_t n = 1; n <= 10; ++n) Keep({session, n, 1});
  ASSERT_TRUE(sessions_.Load(*engine_).ok());
  for (uint64_t n = 11; n <= 30; ++n) {
    Keep({session, n, n - 5});
    ExpectReadBackTheSame();
  }
  EXPECT_LE(RowsOnDisk(), kLimits.rows_max + 1);
}

// Gaps and all, and whatever was let go.
TEST_P(SessionRowsTest, WhatTookNoEffectIsReadBackToo) {
  const uint64_t session = Open();
  for (uint64_t n = 1; n <= 400; n += n % 7 == 0 ? 2 : 1) {
    Keep({session, n, n > 3 ? n - 3 : 1});
    if (n % 50 == 0) ExpectReadBackTheSame();
  }
  ExpectReadBackTheSame();
  const SessionTable table = sessions_.Read();
  EXPECT_FALSE(table.Find(session)->unused.empty());
}

TEST_P(SessionRowsTest, DamageIsFound) {
  const uint64_t session = Open();
  for (uint64_t n = 1; n <= 10; ++n) Keep({session, n, 1});
  auto batch = engine_->NewBatch();
  batch->Put(SystemKey(SystemTable::kEngine, "s\0\0\0\0\0\0\0\x0a"s), "\x01\x05");
  ASSERT_TRUE(engine_->Apply(std::move(batch), Slot{++slot_}).ok());
  EXPECT_EQ(Sessions().Load(*engine_).code(), absl::StatusCode::kDataLoss);
  batch = engine_->NewBatch();
  batch->Put(SystemKey(SystemTable::kEngine, "s\0\0\0\0\0\0\0\x0a"s), "\x03");
  ASSERT_TRUE(engine_->Apply(std::move(batch), Slot{++slot_}).ok());
  EXPECT_EQ(Sessions().Load(*engine_).code(), absl::StatusCode::kFailedPrecondition);
}

INSTANTIATE_TEST_SUITE_P(Engines, SessionRowsTest, ::testing::Values(Kind::kMemory, Kind::kRocksDb),
                         [](const auto& param) {
                           return param.param == Kind::kMemory ? "Memory" : "RocksDb";
                         });

}  // namespace
}  // namespace baton::engine
