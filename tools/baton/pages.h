// Lists that a cluster gives in pages.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "baton/admin.h"
#include "tools/baton/context.h"

namespace baton::cli {

inline constexpr uint32_t kPageRows = 1'000;

// Calls `each` with every row, in order, until it fails. `list` is a method of Admin such as
// &Admin::ListLosses; `rows` the rows of its page.
template <class Page, class Row>
absl::Status ForEachRow(const Context& context,
                        absl::StatusOr<Page> (Admin::*list)(const std::string&, uint32_t,
                                                            const CallOptions&),
                        std::vector<Row> Page::*rows,
                        const std::type_identity_t<std::function<absl::Status(Row)>>& each) {
  const absl::StatusOr<std::chrono::milliseconds> timeout = context.Timeout(kCallTimeout);
  if (!timeout.ok()) return timeout.status();
  const absl::StatusOr<std::unique_ptr<Admin>> admin = context.ConnectAdmin();
  if (!admin.ok()) return admin.status();
  CallOptions options;
  options.timeout = *timeout;
  std::string after;
  do {
    absl::StatusOr<Page> page = ((**admin).*list)(after, kPageRows, options);
    if (!page.ok()) return page.status();
    for (Row& row : (*page).*rows) {
      if (absl::Status s = each(std::move(row)); !s.ok()) return s;
    }
    after = std::move(page->next);
  } while (!after.empty());
  return absl::OkStatus();
}

}  // namespace baton::cli
