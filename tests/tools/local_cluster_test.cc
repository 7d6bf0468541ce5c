#include "tools/baton/local_cluster.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

namespace baton::cli {
namespace {

namespace fs = std::filesystem;

// No node is started here: tests/integration does that.
class LocalClusterTest : public testing::Test {
 protected:
  LocalClusterTest() {
    std::string pattern = testing::TempDir() + "local_cluster_test_XXXXXX";
    directory_ = mkdtemp(pattern.data());
  }
  ~LocalClusterTest() override { fs::remove_all(directory_); }

  std::string directory_;
};

TEST_F(LocalClusterTest, GivesEveryNodeItsPorts) {
  const auto cluster = LocalCluster::Create(directory_ + "/new/dir", {3, 9000});
  ASSERT_TRUE(cluster.ok()) << cluster.status();
  const std::vector<LocalNode> nodes = cluster->Nodes();
  ASSERT_EQ(nodes.size(), 3u);
  EXPECT_EQ(nodes[0].name, "n1");
  EXPECT_EQ(nodes[0].address, "127.0.0.1:9000");
  EXPECT_EQ(nodes[0].http_address, "127.0.0.1:9010");
  EXPECT_EQ(nodes[2].name, "n3");
  EXPECT_EQ(nodes[2].address, "127.0.0.1:9002");
  EXPECT_EQ(nodes[2].http_address, "127.0.0.1:9012");
  EXPECT_EQ(nodes[2].state, ProcessState::kGone);
}

TEST_F(LocalClusterTest, KeepsItsLayout) {
  ASSERT_TRUE(LocalCluster::Create(directory_, {5, 9000}).ok());
  const auto again = LocalCluster::Open(directory_);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->layout(), (LocalLayout{5, 9000}));
}

TEST_F(LocalClusterTest, KeepsWhetherNodesBreakWhenToldTo) {
  ASSERT_TRUE(LocalCluster::Create(directory_, {3, 9000, /*fault_injection=*/true}).ok());
  EXPECT_TRUE(LocalCluster::Open(directory_)->layout().fault_injection);
  const auto without = LocalCluster::Create(directory_, {3, 9000});
  EXPECT_NE(without.status().message().find("9000 with fault injection; ask for the same"),
            absl::string_view::npos)
      << without.status();
}

TEST_F(LocalClusterTest, RefusesAnotherLayout) {
  ASSERT_TRUE(LocalCluster::Create(directory_, {3, 9000}).ok());
  EXPECT_TRUE(LocalCluster::Create(directory_, {3, 9000}).ok());
  const auto other = LocalCluster::Create(directory_, {5, 9000});
  EXPECT_TRUE(absl::IsFailedPrecondition(other.status())) << other.status();
}

TEST_F(LocalClusterTest, IsChangedByOneCommandAtATime) {
  const auto first = LocalCluster::Create(directory_, {});
  ASSERT_TRUE(first.ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(LocalCluster::Open(directory_).status()));
}

TEST_F(LocalClusterTest, TellsHowToMakeOne) {
  const auto none = LocalCluster::Open(directory_);
  EXPECT_EQ(none.status().message(), "there is no local cluster in " + directory_ +
                                         "; start one with: baton local up --dir " + directory_);
  EXPECT_EQ(fs::exists(directory_ + "/local.lock"), false);  // asking leaves nothing behind
}

TEST_F(LocalClusterTest, RefusesADamagedLayout) {
  for (const char* text :
       {"", "{", "[]", R"({"nodes":"3","base_port":1})", R"({"nodes":99,"base_port":1})"}) {
    std::ofstream(directory_ + "/local.json") << text;
    EXPECT_TRUE(absl::IsDataLoss(LocalCluster::Open(directory_).status())) << text;
  }
}

TEST_F(LocalClusterTest, LetsForeignFilesAlone) {
  std::ofstream(directory_ + "/notes.txt") << "mine";
  fs::create_directories(directory_ + "/n9");
  const auto cluster = LocalCluster::Create(directory_, {});
  ASSERT_TRUE(cluster.ok()) << cluster.status();
  EXPECT_EQ(cluster->Nodes().size(), 3u);
  std::string text;
  std::ifstream(directory_ + "/notes.txt") >> text;
  EXPECT_EQ(text, "mine");
}

TEST_F(LocalClusterTest, NamesTheNodesThereAre) {
  auto cluster = LocalCluster::Create(directory_, {2, 9000});
  ASSERT_TRUE(cluster.ok());
  EXPECT_EQ(cluster->Kill("n3").message(), "there is no node n3 here; the nodes are n1, n2");
  EXPECT_TRUE(cluster->Kill("n1").ok());  // nothing to do
  EXPECT_TRUE(absl::IsFailedPrecondition(cluster->Pause("n1")));
  EXPECT_TRUE(cluster->Down(0).ok());
}

TEST_F(LocalClusterTest, DoesNotTakeAPausedNodeForAStartedOne) {
  auto cluster = LocalCluster::Create(directory_, {1, 9000});
  ASSERT_TRUE(cluster.ok());
  fs::create_directories(directory_ + "/n1");
  const auto process =
      StartDaemon({"/bin/sleep", "60"}, directory_ + "/n1", cluster->LogPath("n1"));
  ASSERT_TRUE(process.ok()) << process.status();
  std::ofstream(directory_ + "/n1/pid") << process->pid << " " << process->start_ticks << "\n";
  EXPECT_TRUE(cluster->Start("n1").ok());  // nothing to do
  ASSERT_TRUE(cluster->Pause("n1").ok());
  const absl::Status paused = cluster->Start("n1");
  EXPECT_TRUE(absl::IsFailedPrecondition(paused));
  EXPECT_NE(paused.message().find("baton local resume n1"), absl::string_view::npos) << paused;
  EXPECT_TRUE(cluster->Kill("n1").ok());
  EXPECT_EQ(cluster->Nodes()[0].state, ProcessState::kGone);
}

TEST_F(LocalClusterTest, ForgetsProcessesOfEarlierBoots) {
  fs::create_directories(directory_ + "/n1");
  std::ofstream(directory_ + "/n1/pid") << getpid() << " 1\n";  // our id, another start
  std::ofstream(directory_ + "/n1/batond.log") << "1\n2\n3\n4\n5\n6\n";
  const auto cluster = LocalCluster::Create(directory_, {});
  ASSERT_TRUE(cluster.ok());
  EXPECT_EQ(cluster->Nodes()[0].state, ProcessState::kGone);
  EXPECT_EQ(cluster->LogTail("n1"), "  2\n  3\n  4\n  5\n  6\n");
}

}  // namespace
}  // namespace baton::cli
