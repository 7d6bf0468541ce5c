#include "tools/baton/importer.h"

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <sstream>
#include <thread>
#include <vector>

namespace baton::cli {
namespace {

using Done = std::function<void(absl::Status)>;

// A store that answers on threads of its own, out of order, and fails as told.
class FakeStore {
 public:
  ~FakeStore() {
    for (std::thread& thread : threads_) thread.join();
  }
  Importer::PutFunction Put() {
    return [this](const std::string& key, const std::string& value, Done done) {
      absl::Status status;
      {
        MutexLock lock(&mutex_);
        in_flight_max = std::max(in_flight_max, ++in_flight_);
        ++calls[key];
        if (!failures[key].empty()) {
          status = failures[key].front();
          failures[key].erase(failures[key].begin());
        }
        EXPECT_TRUE(open_.insert(key).second) << key << " is in flight twice";
      }
      threads_.emplace_back([=, this] {
        {
          MutexLock lock(&mutex_);
          if (status.ok()) records[key] = value;
          --in_flight_;
          open_.erase(key);
        }
        done(status);
      });
    };
  }

  std::map<std::string, std::string> records;
  std::map<std::string, int> calls;
  std::map<std::string, std::vector<absl::Status>> failures;  // of the next calls
  int in_flight_max = 0;

 private:
  Mutex mutex_;
  int in_flight_ = 0;
  std::unordered_set<std::string> open_;
  std::vector<std::thread> threads_;
};

ImportLimits Quick() {
  ImportLimits limits;
  limits.in_flight_max = 4;
  limits.attempts_max = 3;
  limits.retry_wait = std::chrono::milliseconds(1);
  return limits;
}

absl::StatusOr<ImportResult> Import(FakeStore* store, const std::string& text,
                                    ImportLimits limits = Quick()) {
  std::istringstream in(text);
  Importer importer(
      store->Put(), [](uint64_t) {}, limits);
  return importer.Run(&in, "file");
}

TEST(Importer, PutsEveryRecordWithinTheLimit) {
  std::string text;
  for (int i = 0; i < 200; ++i) {
    text += R"({"key":"k)" + std::to_string(i) + R"(","value":"v)" + std::to_string(i) + "\"}\n";
  }
  text += "\n{\"key_base64\":\"/w==\",\"value\":\"\",\"revision\":9}";  // no newline at the end
  FakeStore store;
  const auto result = Import(&store, text);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->records, 201u);
  EXPECT_EQ(store.records.size(), 201u);
  EXPECT_EQ(store.records["k17"], "v17");
  EXPECT_EQ(store.records.count("\xff"), 1u);
  EXPECT_LE(store.in_flight_max, 4);
  EXPECT_GE(store.in_flight_max, 1);
}

TEST(Importer, LetsTheLastLineOfAKeyWin) {
  std::string text;
  for (int i = 0; i < 50; ++i) {
    text += R"({"key":"k","value":")" + std::to_string(i) + "\"}\n";
  }
  FakeStore store;
  ASSERT_TRUE(Import(&store, text).ok());
  EXPECT_EQ(store.records["k"], "49");
}

TEST(Importer, RepeatsWhatMayPass) {
  FakeStore store;
  store.failures["a"] = {absl::UnavailableError("no leader"), absl::DeadlineExceededError("late")};
  const auto result = Import(&store, "{\"key\":\"a\",\"value\":\"1\"}\n");
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(store.calls["a"], 3);
  EXPECT_EQ(store.records["a"], "1");
}

TEST(Importer, GivesUpAfterItsAttempts) {
  FakeStore store;
  store.failures["a"] = std::vector<absl::Status>(9, absl::UnavailableError("no leader"));
  const auto result = Import(&store, "{\"key\":\"a\",\"value\":\"1\"}\n");
  EXPECT_TRUE(absl::IsUnavailable(result.status()));
  EXPECT_EQ(store.calls["a"], 3);
}

TEST(Importer, NamesTheLineThatWasRefused) {
  FakeStore store;
  store.failures["b"] = {absl::InvalidArgumentError("value over 1048576 bytes")};
  const auto result =
      Import(&store, "{\"key\":\"a\",\"value\":\"1\"}\n{\"key\":\"b\",\"value\":\"2\"}\n");
  EXPECT_EQ(result.status().message(),
            "file:2: value over 1048576 bytes; mend it and import again (repeating is harmless)");
}

TEST(Importer, NamesTheLineThatIsNoRecordOnceThoseBeforeItAreIn) {
  for (const std::string bad : {"nonsense", "[1]", "{\"key\":\"x\"}", "{\"value\":\"x\"}", "{"}) {
    FakeStore store;
    store.failures["a"] = {absl::UnavailableError("no leader")};
    const auto result = Import(
        &store, "{\"key\":\"a\",\"value\":\"1\"}\n\n" + bad + "\n{\"key\":\"c\",\"value\":\"\"}\n");
    EXPECT_TRUE(absl::IsInvalidArgument(result.status())) << bad;
    EXPECT_EQ(std::string(result.status().message()).substr(0, 7), "file:3:") << bad;
    EXPECT_EQ(store.records.count("a"), 1u) << bad;
    EXPECT_EQ(store.records.count("c"), 0u) << bad;
  }
}

TEST(Importer, RefusesWhatCannotBeRead) {
  FakeStore store;
  std::ifstream directory(testing::TempDir());
  Importer importer(
      store.Put(), [](uint64_t) {}, Quick());
  const auto result = importer.Run(&directory, "dir");
  EXPECT_TRUE(absl::IsInvalidArgument(result.status()));
  EXPECT_EQ(std::string(result.status().message()).substr(0, 22), "dir:1: cannot be read;");
}

TEST(Importer, RefusesALineOverTheLimit) {
  ImportLimits limits = Quick();
  limits.line_bytes_max = 64;
  FakeStore store;
  const auto result =
      Import(&store, "{\"key\":\"a\",\"value\":\"" + std::string(100, 'x') + "\"}\n", limits);
  EXPECT_EQ(std::string(result.status().message()).substr(0, 29), "file:1: longer than 64 bytes;");
}

TEST(Importer, OfNothingIsNothing) {
  FakeStore store;
  const auto result = Import(&store, "");
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->records, 0u);
}

}  // namespace
}  // namespace baton::cli
