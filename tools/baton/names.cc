#include "tools/baton/names.h"

#include "absl/strings/str_cat.h"
#include "baton/admin.h"
#include "tools/baton/pages.h"

namespace baton::cli {
namespace {

constexpr std::chrono::milliseconds kNamesTimeout{1'000};

}  // namespace

Names ReadNames(const Context& context) {
  Names names;
  const auto admin = context.ConnectAdmin();
  if (!admin.ok()) return names;
  CallOptions options;
  options.timeout = kNamesTimeout;
  for (const std::string& endpoint : (**admin).endpoints()) {
    const auto status = (**admin).Status(endpoint, options);
    if (!status.ok()) continue;
    for (const MemberInfo& member : status->members) names[member.node_id] = member.name;
    if (!names.empty()) break;
  }
  return names;
}

std::string NameOf(const Names& names, uint32_t node) {
  if (node == 0) return "-";
  const auto found = names.find(node);
  return found == names.end() ? absl::StrCat("node ", node) : found->second;
}

absl::Status CheckKeyspaceEverWas(const Context& context, const std::string& name) {
  bool was = name.empty() || name == "default";
  if (was) return absl::OkStatus();
  const absl::Status read =
      ForEachRow(context, &Admin::ListKeyspaceChanges, &KeyspaceChangePage::changes,
                 [&](KeyspaceChangeInfo change) {
                   was |= change.keyspace.name == name;
                   return absl::OkStatus();
                 });
  if (!read.ok() || was) return read;
  return absl::NotFoundError("there is no keyspace named \"" + name + "\", and never was");
}

}  // namespace baton::cli
