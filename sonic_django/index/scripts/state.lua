-- The query state: ARGV of query.lua as it is read, the sets to begin with, and the positions of
-- objects in the order.
--
-- KEYS     those of the script
-- ARGV     those of query.lua
-- returns  a part: the table State, of functions that scripts share
-- cost     stated with the functions
--
-- requires: members built arguments tree reading paging

local operation, limit, token -- the operation, the most objects (-1: all), the token of the previous run
local order_size -- entries in the sets of the order
local further -- the sets of each further key of the order
local by_id, covers_all -- whether the order is that of ids alone, and whether it contains all objects

local State
do
  local take = Arguments.take
  local open_universe, take_leaf, take_node = Tree.open_universe, Tree.take_leaf, Tree.take_node
  local sources_of, tests_beside = Reading.sources_of, Reading.tests_beside
  local position_among = Paging.position_among

  operation, limit = ARGV[1], tonumber(ARGV[4])
  offset, wanted = tonumber(ARGV[3]), limit < 0 and math.huge or limit
  descending, ties_descending = ARGV[5] == 'desc', ARGV[6] == 'desc'
  budget = tonumber(ARGV[8])
  token = ARGV[9] ~= '' and cmsgpack.unpack(ARGV[9]) or {}

  local missing = unbuilt(ARGV[2])
  if missing then return { 'unbuilt', unpack(missing) } end

  open_universe(ARGV[7])
  at = 10

  local function take_sets()
    local sets, length = {}, 0
    for i = 1, tonumber(take()) do
      take()
      sets[i] = take_leaf()
      length = length + sets[i].size
    end
    return sets, length
  end

  order, order_size = take_sets()
  further = {}
  for i = 1, tonumber(take()) do further[i] = take_sets() end
  leaves = {}
  if at <= #ARGV then filter = take_node() end
  by_id = #order == 1 and order[1].is_id_range
  covers_all = by_id and order_size == total

  local function more(strategy, state) return state and cmsgpack.pack({ strategy, state }) or '' end

  -- Index selection ---------------------------------------------------------------------------------------------

  -- Ordered by id, the entries of one value are themselves in order: the smallest such set that contains
  -- all objects of the result can be walked instead of all ids.
  local function smallest_in_id_order()
    local best
    local function consider(node)
      if not node.one then return end
      if not best or node.size < best.size or (best.is_id_range and node.size == best.size) then
        best = node
      end
    end
    consider(filter)
    if filter.op == '&' then
      for i = 1, #filter do consider(filter[i]) end
    end
    return best
  end

  -- The sets to be walked, the tests, and the number of entries.
  local function walked()
    if not filter then return order, {}, order_size end
    local driver = by_id and #further == 0 and smallest_in_id_order()
    if driver then return { driver }, tests_beside(filter, driver), driver.size end
    return order, { filter }, order_size
  end

  -- The sources to gather from: the filter's, or the order's where a range has left fewer of them.
  local function gathered()
    if not filter or order_size < filter.size then
      local sources = {}
      for i, set in ipairs(order) do sources[i] = { set = set, tests = { filter } } end
      return sources, false
    end
    return sources_of(filter)
  end

  -- Rows -------------------------------------------------------------------------------------------------

  -- The position of an id among sets as a key of a row. An object without a value comes after
  -- all sets, or in its own set.
  local function key_among(sets, id)
    local number, score, member = position_among(sets, id)
    if not number then return nil, #sets + 1, '0', '' end
    if sets[number].kind == 'id' then return number, number, '0', '' end
    return number, number, score, member:sub(1, #member - #bare(sets[number], member))
  end

  -- The ids of the members that are in the order.
  local function among_order(members)
    local ids = {}
    for i = 1, #members do
      local id = members[i]:sub(2)
      if covers_all or position_among(order, id) then ids[#ids + 1] = id end
    end
    return ids
  end

  local function row_of(id)
    local found, number, score, prefix = key_among(order, id)
    if not found then return nil end
    local row = { id, number, score, prefix }
    for _, sets in ipairs(further) do
      _, number, score, prefix = key_among(sets, id)
      row[#row + 1], row[#row + 2], row[#row + 3] = number, score, prefix
    end
    return row
  end

  local function add_row(rows, row)
    for i = 1, #row do rows[#rows + 1] = row[i] end
  end

  -- Nearly all objects have a plain number in the first set of the order: these are looked up together.
  local function add_rows(rows, members)
    local set, scores = order[1], {}
    if set.kind == 'score' and not set.low and not set.high and #further == 0 and #members > 0 then
      scores = redis.call('ZMSCORE', set.key, unpack(members))
      touched, spared = touched + #members, spared + math.floor(0.7 * #members)
    end
    for i = 1, #members do
      if scores[i] then
        local at_end = #rows
        rows[at_end + 1], rows[at_end + 2] = members[i]:sub(2), 1
        rows[at_end + 3], rows[at_end + 4] = scores[i], ''
      else
        local row = row_of(members[i]:sub(2))
        if row then add_row(rows, row) end
      end
    end
  end

  State = {
    more = more, smallest_in_id_order = smallest_in_id_order, walked = walked,
    gathered = gathered, among_order = among_order, row_of = row_of, add_row = add_row,
    add_rows = add_rows
  }
end
