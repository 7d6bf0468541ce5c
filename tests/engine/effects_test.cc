#include "engine/state/effects.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "engine/state/apply.h"
#include "engine/state/row.h"
#include "engine/storage/key_encoding.h"
#include "engine/storage/memory_engine.h"

namespace baton::engine {
namespace {

using std::string_literals::operator""s;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr KeyspaceId kSpace{1};

// "put a=1 @5", one string an effect, and the error last.
std::vector<std::string> Told(std::string_view bytes, Revision base) {
  std::vector<std::string> told;
  EffectsReader reader(bytes, base);
  for (Effect e; reader.Next(&e);) {
    const std::string at = " @" + std::to_string(e.revision.value);
    const std::string key(UserKey(e.key));
    if (e.kind == EffectKind::kPut) {
      told.push_back("put " + key + "=" + std::string(DecodeRow(e.row)->value) + at);
    } else if (e.kind == EffectKind::kDelete) {
      told.push_back("delete " + key + at);
    } else {
      told.push_back("delete " + key + ".." + std::string(UserKey(e.end)) + at);
    }
  }
  if (!reader.status().ok()) told.push_back(std::string(reader.status().message()));
  return told;
}

TEST(Effects, GoldenBytes) {
  EffectsWriter writer(Revision{300});
  writer.BeginRequest();
  writer.Put(kSpace, "a", "xy");
  writer.Delete(kSpace, "b");
  EXPECT_EQ(writer.EndRequest(), Revision{300});
  writer.BeginRequest();
  const KeyRange range = EngineRange(kSpace, "c", "");
  writer.DeleteRange(range.begin, range.end);
  EXPECT_EQ(writer.EndRequest(), Revision{301});
  EXPECT_EQ(writer.bytes(),
            "\x01"                      // version
            "\x01"                      // request 300
            "\x02\x05\x00\x00\x00\x01"  // put, key
            "a\x06\x01\x00\xac\x02xy"   // row: version, flags, revision, value
            "\x03\x05\x00\x00\x00\x01"  // delete
            "b"
            "\x01"                      // request 301
            "\x04\x05\x00\x00\x00\x01"  // delete range
            "c\x04\x00\x00\x00\x02"s);
}

TEST(Effects, RequestsShareARevisionAndEmptyOnesTakeNone) {
  EffectsWriter writer(Revision{10});
  EXPECT_EQ(writer.bytes(), "");
  writer.BeginRequest();
  EXPECT_EQ(writer.EndRequest(), Revision{});
  EXPECT_EQ(writer.bytes(), "");
  writer.BeginRequest();
  writer.Put(kSpace, "a", "1");
  writer.Put(kSpace, "b", "2");
  EXPECT_EQ(writer.EndRequest(), Revision{10});
  writer.BeginRequest();
  EXPECT_EQ(writer.EndRequest(), Revision{});
  writer.BeginRequest();
  writer.Put(kSpace, "lost", "");
  writer.DropRequest();
  writer.BeginRequest();
  writer.Delete(kSpace, "c");
  EXPECT_EQ(writer.EndRequest(), Revision{11});
  EXPECT_EQ(writer.requests(), 2u);
  EXPECT_THAT(Told(writer.bytes(), Revision{10}),
              ElementsAre("put a=1 @10", "put b=2 @10", "delete c @11"));

  writer.Reset(Revision{50});
  EXPECT_TRUE(writer.empty());
  writer.BeginRequest();
  writer.Put(kSpace, "d", "");
  writer.DropRequest();
  EXPECT_EQ(writer.bytes(), "");
}

TEST(Effects, AReaderGoesOnInTheMiddleOfARequest) {
  EffectsWriter writer(Revision{10});
  writer.BeginRequest();
  writer.Put(kSpace, "a", "1");
  const size_t part = writer.bytes().size();
  writer.Put(kSpace, "b", "2");
  writer.EndRequest();
  EffectsReader rest =
      EffectsReader::Continue(writer.bytes().substr(part), Revision{10}, /*requests=*/1);
  Effect effect;
  ASSERT_TRUE(rest.Next(&effect));
  EXPECT_EQ(UserKey(effect.key), "b");
  EXPECT_EQ(effect.revision, Revision{10});
  EXPECT_FALSE(rest.Next(&effect));
  EXPECT_TRUE(rest.status().ok());
}

TEST(Effects, WhatIsNewerIsNamed) {
  const auto error = [](const std::string& bytes) {
    EffectsReader reader(bytes, Revision{1});
    for (Effect e; reader.Next(&e);) {
    }
    return reader.status();
  };
  EXPECT_TRUE(absl::IsFailedPrecondition(error("\x02"s)));
  EXPECT_THAT(std::string(error("\x02"s).message()), HasSubstr("version 2"));
  EXPECT_TRUE(absl::IsFailedPrecondition(error("\x01\x01\x09"s)));
  EXPECT_THAT(std::string(error("\x01\x01\x09"s).message()), HasSubstr("kind 9"));
  const std::string newer_row = "\x01\x01\x02\x05\x00\x00\x00\x01k\x03\x07\x00\x01"s;
  EXPECT_TRUE(absl::IsFailedPrecondition(error(newer_row)));
  EXPECT_THAT(std::string(error(newer_row).message()), HasSubstr("row of version 7"));
}

TEST(Effects, DamageIsAnError) {
  const std::vector<std::string> damaged = {
      "\x00"s,                                                    // version 0
      "\x01\x03\x05\x00\x00\x00\x01k"s,                           // an effect outside a request
      "\x01\x01"s,                                                // an empty request at the end
      "\x01\x01\x03\x03\x00\x00\x01"s,                            // a key without a keyspace
      "\x01\x01\x03\x05\x00\x00\x00\x00\x00"s,                    // the engine's own table
      "\x01\x01\x04\x05\x00\x00\x00\x01k\x05\x00\x00\x00\x01k"s,  // an empty range
      "\x01\x01\x02\x05\x00\x00\x00\x01k\x03\x01\x00\x09"s,       // not the request's revision
      "\x01\x01\x03\xff\xff\xff\xff\xff\xff\xff\xff\x7fk"s,       // a length past the end
  };
  for (const std::string& bytes : damaged) {
    EffectsReader reader(bytes, Revision{1});
    for (Effect e; reader.Next(&e);) {
    }
    EXPECT_TRUE(absl::IsDataLoss(reader.status())) << ::testing::PrintToString(bytes);
  }
}

TEST(Effects, ArbitraryBytesNeverCrash) {
  EffectsWriter writer(Revision{1});
  for (int i = 0; i < 5; ++i) {
    writer.BeginRequest();
    writer.Put(kSpace, "key" + std::to_string(i), "value");
    writer.Delete(kSpace, "gone");
    const KeyRange range = EngineRange(kSpace, "a", "b");
    writer.DeleteRange(range.begin, range.end);
    writer.EndRequest();
    writer.KeepResult({.session = 9, .sequence = 3, .acked_below = 1}, "\2");
  }
  std::mt19937_64 random(3);
  uint64_t read = 0;
  for (int round = 0; round < 50'000; ++round) {
    std::string bytes(writer.bytes());
    for (uint64_t flips = 1 + random() % 4; flips > 0; --flips) {
      bytes[random() % bytes.size()] = static_cast<char>(random());
    }
    bytes.resize(random() % (bytes.size() + 1));
    EffectsReader reader(bytes, Revision{1});
    for (Effect e; reader.Next(&e);) {
      for (const std::string_view part : {e.key, e.row, e.end, e.result}) {
        if (part.empty()) continue;
        ASSERT_GE(part.data(), bytes.data());
        ASSERT_LE(part.data() + part.size(), bytes.data() + bytes.size());
      }
      ++read;
    }
  }
  EXPECT_GT(read, 50'000u);  // the flips leave something to read
}

TEST(BatchApplier, WritesEntriesWithTheirSlot) {
  MemoryEngine engine;
  Catalog catalog;
  Sessions sessions;
  BatchApplier applier(&engine, &catalog, &sessions);
  EffectsWriter writer(Revision{10});
  writer.BeginRequest();
  writer.Put(kSpace, "a", "1");
  writer.Put(kSpace, "b", "1");
  writer.EndRequest();
  ASSERT_TRUE(applier.Add(Slot{3}, writer.bytes(), Revision{10}, 0).ok());
  writer.Reset(Revision{11});
  writer.BeginRequest();
  writer.Delete(kSpace, "a");
  writer.EndRequest();
  ASSERT_TRUE(applier.Add(Slot{4}, writer.bytes(), Revision{11}, 0).ok());
  ASSERT_TRUE(applier.Add(Slot{5}, {}, Revision{12}, 0).ok());
  EXPECT_EQ(applier.entries(), 3u);
  EXPECT_GT(applier.bytes(), 0u);
  EXPECT_EQ(engine.applied(), Slot{0});
  ASSERT_TRUE(applier.Commit().ok());
  EXPECT_EQ(applier.entries(), 0u);
  EXPECT_EQ(engine.applied(), Slot{5});
  EXPECT_EQ(*engine.Get(EngineKey(kSpace, "a"), ReadTier::kAny), std::nullopt);
  const std::string row = **engine.Get(EngineKey(kSpace, "b"), ReadTier::kAny);
  EXPECT_EQ(DecodeRow(row)->value, "1");
  EXPECT_EQ(DecodeRow(row)->revision, Revision{10});
  EXPECT_TRUE(applier.Commit().ok());  // nothing to do
}

TEST(BatchApplier, AnErrorNamesTheSlot) {
  MemoryEngine engine;
  Catalog catalog;
  Sessions sessions;
  BatchApplier applier(&engine, &catalog, &sessions);
  const absl::Status status = applier.Add(Slot{17}, "\x01\x01\x09"s, Revision{1}, 0);
  EXPECT_TRUE(absl::IsFailedPrecondition(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("slot 17: unknown effect kind 9"));
}

}  // namespace
}  // namespace baton::engine
