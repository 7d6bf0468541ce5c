#include "engine/state/digest.h"

#include <string>
#include <string_view>

#include "base/checksum.h"
#include "base/coding.h"
#include "engine/state/row.h"
#include "engine/storage/key_encoding.h"

namespace baton::engine {

absl::StatusOr<KeyspaceDigest> DigestKeyspace(const Snapshot& snapshot, KeyspaceId keyspace) {
  // Small updates cost more than the hashing: gather some.
  constexpr size_t kGatherBytes = 64 << 10;
  KeyspaceDigest result;
  result.applied = snapshot.applied();
  ChecksumStream hash;
  std::string gathered;
  KeyRange range = EngineRange(keyspace, {}, {});
  if (keyspace == kSystemKeyspace) range.begin = SystemKey(SystemTable::kKeyspaces, {});
  const std::unique_ptr<Iterator> it =
      snapshot.NewIterator(range.begin, range.end, ReadTier::kSweep);
  for (it->SeekToFirst(); it->Valid(); it->Next()) {
    const std::string_view key = UserKey(it->key());
    const absl::StatusOr<Row> row = DecodeRow(it->value());
    if (!row.ok()) return row.status();
    PutFixed32(&gathered, static_cast<uint32_t>(key.size()));
    gathered.append(key);
    PutFixed32(&gathered, static_cast<uint32_t>(row->value.size()));
    gathered.append(row->value);
    PutFixed64(&gathered, row->revision.value);
    ++result.count;
    if (gathered.size() >= kGatherBytes) {
      hash.Update(gathered);
      gathered.clear();
    }
  }
  if (!it->status().ok()) return it->status();
  hash.Update(gathered);
  result.digest = hash.Digest();
  return result;
}

}  // namespace baton::engine
