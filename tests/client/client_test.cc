// The whole client over gRPC, against servers that do what the test says.
#include "baton/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <optional>
#include <thread>

#include "base/mutex.h"
#include "client/session_pool.h"
#include "tests/client/fake_server.h"

namespace baton::client {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Key;

std::unique_ptr<Client> ConnectTo(std::vector<std::string> endpoints) {
  auto client = Client::Connect({.endpoints = std::move(endpoints)});
  EXPECT_TRUE(client.ok()) << client.status();
  return *std::move(client);
}

CallOptions Within(int ms) {
  CallOptions options;
  options.timeout = std::chrono::milliseconds(ms);
  return options;
}

// Counts events and waits for a number of them.
class Counter {
 public:
  void Add() {
    MutexLock lock(&mutex_);
    ++count_;
    changed_.NotifyAll();
  }
  // False if they do not come within ten seconds.
  bool WaitFor(int count) {
    MutexLock lock(&mutex_);
    while (count_ < count) {
      if (!changed_.WaitFor(&mutex_, 10'000'000)) return false;
    }
    return true;
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  int count_ BATON_GUARDED_BY(mutex_) = 0;
};

TEST(ClientTest, PutsGetsDeletesAndScans) {
  FakeServer node("n1");
  const auto client = ConnectTo({node.address()});
  for (const char* key : {"a/1", "a/2", "a/3", "b/1"}) {
    const auto put = client->Put(key, "v");
    ASSERT_TRUE(put.ok()) << put.status();
    EXPECT_EQ(put->durability, Durability::kQuorum);
    EXPECT_GT(put->revision, 0u);
  }
  EXPECT_EQ(client->Get("a/1")->record->value, "v");
  EXPECT_FALSE(client->Get("nothing")->record);
  EXPECT_EQ(client->Delete("a/2", {.want_existed = true})->existed, true);
  EXPECT_EQ(client->Delete("a/2", {.want_existed = true})->existed, false);
  std::vector<std::string> keys;
  Scanner scanner(client.get(), {.prefix = "a/"}, {}, 1);
  while (scanner.Next()) keys.push_back(scanner.record().key);
  EXPECT_TRUE(scanner.status().ok());
  EXPECT_THAT(keys, ElementsAre("a/1", "a/3"));
  EXPECT_FALSE(scanner.Next());
  EXPECT_EQ(GetReason(client->Batch({}).status()), Reason::kNotSupported);
}

TEST(ClientTest, FindsTheLeaderWhateverTheEndpoint) {
  FakeServer leader("n1"), follower("n2");
  leader.SetState("leader", 4);
  follower.SetState("follower", 4, &leader);
  const auto client = ConnectTo({follower.address()});  // the leader is learned
  EXPECT_TRUE(client->Put("k", "v").ok());
  EXPECT_THAT(leader.data(), Contains(Key("k")));
  EXPECT_EQ(follower.items(), 0);
}

TEST(ClientTest, FollowsARedirectAndSendsAWriteOnceToEach) {
  FakeServer old("n1"), next("n2");
  old.SetState("leader", 1);
  next.SetState("follower", 1, &old);
  const auto client = ConnectTo({old.address(), next.address()});
  ASSERT_TRUE(client->Put("first", "v").ok());
  old.SetState("follower", 2, &next);
  next.SetState("leader", 2);
  old.SetScript(
      [&](const v1::ExchangeItem&) { return FakeServer::Refuse(v1::REASON_NOT_LEADER, &next); });
  ASSERT_TRUE(client->Put("k", "v").ok());
  EXPECT_EQ(old.seen("k"), 1);
  EXPECT_EQ(next.seen("k"), 1);
}

TEST(ClientTest, AnAnnouncementMovesCallsWithoutAFailure) {
  FakeServer old("n1"), next("n2");
  old.SetState("leader", 1);
  next.SetState("follower", 1, &old);
  const auto client = ConnectTo({old.address(), next.address()});
  ASSERT_TRUE(client->Put("first", "v").ok());
  old.SetState("follower", 2, &next);
  next.SetState("leader", 2);
  old.SetScript([](const v1::ExchangeItem&) { return FakeServer::Silence(); });
  old.Announce(next);
  // The announcement and this call may cross: then the call is read by the old leader, in silence.
  int moved = 0;
  for (int i = 0; i < 20; ++i) {
    const auto put = client->Put("k", "v");
    moved += put.ok() ? 1 : 0;
  }
  EXPECT_GE(moved, 19);
  EXPECT_GE(next.seen("k"), 19);
}

TEST(ClientTest, AWriteWhoseStreamBrokeIsSentAgainAndStoredOnce) {
  FakeServer node("n1");
  const auto client = ConnectTo({node.address()});
  ASSERT_TRUE(client->Put("first", "v").ok());
  std::atomic<bool> broke = false;
  node.SetScript([&](const v1::ExchangeItem&) {
    return broke.exchange(true) ? FakeServer::Reply() : FakeServer::Break();
  });
  const auto put = client->Put("k", "v");
  EXPECT_TRUE(put.ok()) << put.status();
  EXPECT_EQ(node.seen("k"), 2);
  EXPECT_EQ(node.stored("k"), 1);
}

TEST(ClientTest, WithoutSessionsAWriteWhoseStreamBrokeIsNotSentAgain) {
  FakeServer node("n1");
  const auto client = *Client::Connect({.endpoints = {node.address()}, .exactly_once = false});
  ASSERT_TRUE(client->Put("first", "v").ok());
  std::atomic<bool> broke = false;
  node.SetScript([&](const v1::ExchangeItem&) {
    return broke.exchange(true) ? FakeServer::Reply() : FakeServer::Break();
  });
  const auto put = client->Put("k", "v");
  EXPECT_EQ(put.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_TRUE(IsOutcomeUnknown(put.status())) << put.status();
  EXPECT_TRUE(client->Put("later", "v").ok());
  EXPECT_EQ(node.seen("k"), 1);
}

TEST(ClientTest, AReadWhoseStreamBrokeIsRepeated) {
  FakeServer node("n1");
  const auto client = ConnectTo({node.address()});
  ASSERT_TRUE(client->Put("k", "v").ok());
  std::atomic<bool> broke = false;
  node.SetScript([&](const v1::ExchangeItem&) {
    return broke.exchange(true) ? FakeServer::Reply() : FakeServer::Break();
  });
  EXPECT_EQ(client->Get("k")->record->value, "v");
}

TEST(ClientTest, AWriteThatWasNeverSentIsSentToTheNextLeader) {
  auto old = std::make_unique<FakeServer>("n1");
  FakeServer next("n2");
  next.SetState("follower", 1, old.get());
  const auto client = ConnectTo({old->address(), next.address()});
  ASSERT_TRUE(client->Put("first", "v").ok());
  old.reset();  // while no write is under way
  std::thread election([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(150));
    next.SetState("leader", 2);
  });
  const auto put = client->Put("k", "v");
  election.join();
  EXPECT_TRUE(put.ok()) << put.status();
  EXPECT_EQ(next.stored("k"), 1);
}

TEST(ClientTest, WaitsForAnElection) {
  FakeServer node("n1");
  node.SetState("candidate", 1);
  const auto client = ConnectTo({node.address()});
  std::thread election([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    node.SetState("leader", 2);
  });
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_TRUE(client->Put("k", "v").ok());
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(2000));
  election.join();
}

TEST(ClientTest, DeadlinesAreKept) {
  FakeServer node("n1");
  node.SetState("candidate", 1);
  const auto client = ConnectTo({node.address()});
  const auto begin = std::chrono::steady_clock::now();
  const auto queued = client->Put("k", "v", Within(60));
  EXPECT_EQ(queued.status().code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(GetReason(queued.status()), Reason::kDeadline);
  node.SetState("leader", 2);
  ASSERT_TRUE(client->Put("k", "v").ok());  // there is a session from now on
  node.SetScript([](const v1::ExchangeItem&) { return FakeServer::Silence(); });
  const auto read = client->Get("k", Within(60));
  EXPECT_EQ(read.status().code(), absl::StatusCode::kDeadlineExceeded);
  const auto write = client->Put("k", "v", Within(60));
  EXPECT_TRUE(IsOutcomeUnknown(write.status())) << write.status();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(3000));
  EXPECT_EQ(client->Put("k", "v", Within(0)).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(ClientTest, AnOverloadedNodeIsAskedAgainLater) {
  FakeServer node("n1");
  std::atomic<int> refusals = 0;
  node.SetScript([&](const v1::ExchangeItem&) {
    return refusals++ < 2 ? FakeServer::Refuse(v1::REASON_OVERLOADED, nullptr, 40)
                          : FakeServer::Reply();
  });
  const auto client = ConnectTo({node.address()});
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_TRUE(client->Put("k", "v").ok());
  EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(80));
  EXPECT_EQ(node.seen("k"), 3);
}

TEST(ClientTest, ASilentLeaderIsReplacedByANewOne) {
  FakeServer hung("n1"), next("n2");
  next.SetState("follower", 1, &hung);
  const auto client = ConnectTo({hung.address(), next.address()});
  ASSERT_TRUE(client->Put("first", "v").ok());
  hung.SetScript([](const v1::ExchangeItem&) { return FakeServer::Silence(); });
  hung.SetState("follower", 2, &next);
  next.SetState("leader", 2);
  EXPECT_TRUE(client->Get("first").ok());  // read by the hung one in silence, then by the next
  EXPECT_TRUE(client->Put("k", "v").ok());
  EXPECT_EQ(hung.seen("k"), 0);
}

TEST(ClientTest, RequestsOfManyThreadsShareMessages) {
  FakeServer node("n1");
  const auto client = ConnectTo({node.address()});
  constexpr int kInFlight = 256;
  constexpr int kCalls = 20'000;
  std::atomic<int> started = 0;
  Counter done;
  std::function<void()> next = [&] {
    if (started++ >= kCalls) return;
    client->PutAsync("k", "v", {}, [&](absl::StatusOr<WriteResult> put) {
      EXPECT_TRUE(put.ok()) << put.status();
      next();
      done.Add();
    });
  };
  for (int i = 0; i < kInFlight; ++i) next();
  ASSERT_TRUE(done.WaitFor(kCalls));
  EXPECT_GE(node.items(), kCalls);
  EXPECT_LE(node.items(), kCalls + static_cast<int>(SessionPool::kSessionsMax)) << "sessions";
  EXPECT_LT(node.messages(), kCalls / 10);
}

TEST(ClientTest, SynchronousCallsOfManyThreads) {
  FakeServer node("n1");
  const auto client = ConnectTo({node.address()});
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&, i] {
      const std::string key = "k" + std::to_string(i);
      for (int n = 0; n < 200; ++n) {
        ASSERT_TRUE(client->Put(key, std::to_string(n)).ok());
        const auto get = client->Get(key);
        ASSERT_TRUE(get.ok() && get->record);
        ASSERT_EQ(get->record->value, std::to_string(n));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST(ClientTest, LargeValuesGoThere) {
  FakeServer node("n1");
  const auto client = ConnectTo({node.address()});
  const std::string value(1 << 20, 'v');
  Counter done;
  for (int i = 0; i < 20; ++i) {
    client->PutAsync("k" + std::to_string(i), value, Within(60'000),
                     [&](absl::StatusOr<WriteResult> put) {
                       EXPECT_TRUE(put.ok()) << put.status();
                       done.Add();
                     });
  }
  ASSERT_TRUE(done.WaitFor(20));
  EXPECT_EQ(client->Get("k7", Within(60'000))->record->value, value);
}

TEST(ClientTest, TheDestructorCompletesWhatIsPending) {
  FakeServer node("n1");
  node.SetScript([](const v1::ExchangeItem&) { return FakeServer::Silence(); });
  std::atomic<int> cancelled = 0;
  {
    const auto client = ConnectTo({node.address()});
    for (int i = 0; i < 100; ++i) {
      client->PutAsync("k", "v", {}, [&](absl::StatusOr<WriteResult> put) {
        if (put.status().code() == absl::StatusCode::kCancelled) ++cancelled;
      });
      if (i == 50) {  // some on the wire, some not
        while (node.items() == 0) std::this_thread::yield();
      }
    }
  }
  EXPECT_EQ(cancelled, 100);
}

TEST(ClientTest, TheDestructorCompletesWhatWaitsForALeader) {
  FakeServer node("n1");
  node.SetState("candidate", 1);
  std::atomic<int> cancelled = 0;
  {
    const auto client = ConnectTo({node.address()});
    client->GetAsync("k", {}, [&](absl::StatusOr<GetResult> get) {
      if (get.status().code() == absl::StatusCode::kCancelled) ++cancelled;
    });
  }
  EXPECT_EQ(cancelled, 1);
}

TEST(ClientTest, TheDestructorEndsTheSession) {
  FakeServer node("n1");
  for (int i = 0; i < 3; ++i) {
    const auto client = ConnectTo({node.address()});
    ASSERT_TRUE(client->Put("k", "v").ok());
    EXPECT_EQ(node.sessions(), 1u);
  }
  EXPECT_EQ(node.sessions(), 0u);
}

TEST(ClientTest, TheDestructorDoesNotWaitLongForADeadCluster) {
  std::optional<FakeServer> node("n1");
  for (const bool gone : {false, true}) {  // silent, then gone
    auto client = ConnectTo({node->address()});
    ASSERT_TRUE(client->Put("k", "v").ok());
    if (gone) {
      node.reset();
    } else {
      node->SetScript([](const v1::ExchangeItem& item) {
        return item.has_end_session() ? FakeServer::Silence() : FakeServer::Reply();
      });
    }
    const auto begin = std::chrono::steady_clock::now();
    client.reset();
    const auto took = std::chrono::steady_clock::now() - begin;
    EXPECT_LT(took, std::chrono::milliseconds(1000)) << "200 ms on a machine with time";
  }
}

TEST(ClientTest, ServersThatComeAndGoUnderLoad) {
  // Streams break again and again; every call is completed exactly once and every write done once.
  FakeServer node("n1");
  const auto client = ConnectTo({node.address()});
  constexpr int kCalls = 5'000;
  std::atomic<int> started = 0;
  Counter done;
  std::function<void()> next = [&] {
    const int number = started++;
    if (number >= kCalls) return;
    client->PutAsync("k" + std::to_string(number), "v", {}, [&](absl::StatusOr<WriteResult> put) {
      EXPECT_TRUE(put.ok()) << put.status();
      next();
      done.Add();
    });
  };
  std::atomic<bool> stop = false;
  std::thread breaker([&] {
    while (!stop) {
      node.BreakStreams();
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  });
  for (int i = 0; i < 32; ++i) next();
  EXPECT_TRUE(done.WaitFor(kCalls));
  stop = true;
  breaker.join();
  for (int i = 0; i < kCalls; ++i) ASSERT_EQ(node.stored("k" + std::to_string(i)), 1);
}

}  // namespace
}  // namespace baton::client
