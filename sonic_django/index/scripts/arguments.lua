-- Reading ARGV argument by argument.
--
-- KEYS     those of the script
-- ARGV     those of the script, from the ``at``-th on; the script sets ``at``
-- returns  a part: the table Arguments, of functions that scripts share
-- cost     stated with the functions

local at -- set by each script

local Arguments
do
  -- The next argument.
  local function take()
    at = at + 1
    return ARGV[at - 1]
  end

  -- Rows of so many arguments; their number comes first.
  local function take_many(width)
    local rows = {}
    for i = 1, tonumber(take()) do
      rows[i] = {}
      for j = 1, width do rows[i][j] = take() end
    end
    return rows
  end

  Arguments = {
    take = take, take_many = take_many
  }
end
