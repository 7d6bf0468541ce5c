#include "tools/baton/table.h"

#include <algorithm>

#include "base/check.h"
#include "tools/baton/bytes.h"

namespace baton::cli {
namespace {

constexpr size_t kGap = 2;  // blanks between columns

const char* Begin(Table::Colour colour) {
  switch (colour) {
    case Table::Colour::kNone:
      return "";
    case Table::Colour::kGreen:
      return "\033[32m";
    case Table::Colour::kYellow:
      return "\033[33m";
    case Table::Colour::kRed:
      return "\033[31m";
  }
  return "";
}

}  // namespace

void Table::Add(std::vector<Cell> row) {
  BATON_CHECK(row.size() == columns_.size()) << row.size() << " cells";
  rows_.push_back(std::move(row));
}

std::string Table::Text(bool coloured) const {
  std::vector<size_t> widths;
  for (size_t i = 0; i < columns_.size(); ++i) {
    size_t width = DisplayWidth(columns_[i].title);
    for (const std::vector<Cell>& row : rows_) width = std::max(width, DisplayWidth(row[i].text));
    widths.push_back(width);
  }
  std::string text;
  const auto add_line = [&](const std::vector<Cell>& row) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      const std::string blanks(widths[i] - DisplayWidth(row[i].text), ' ');
      const bool paint = coloured && row[i].colour != Colour::kNone;
      if (i > 0) line.append(kGap, ' ');
      if (columns_[i].align == Align::kRight) line += blanks;
      if (paint) line += Begin(row[i].colour);
      line += row[i].text;
      if (paint) line += "\033[0m";
      if (columns_[i].align == Align::kLeft) line += blanks;
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  };
  std::vector<Cell> titles;
  for (const Column& column : columns_) titles.emplace_back(column.title);
  add_line(titles);
  for (const std::vector<Cell>& row : rows_) add_line(row);
  return text;
}

}  // namespace baton::cli
