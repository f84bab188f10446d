/**
 * What nodes do to their shared state, each script in one step. Every key begins with KEYS[1]:
 * `beats` life → number, `applied` life → place in `changes`, `changes` what all nodes apply in one order, `inbox:{life}` messages and requests
 * for one node, `conn` client → the life that holds its session, `names` kept sessions, `s:{client}` one of them, `subs:{client}` its filters,
 * `clean:{life}` sessions that end with their connection, `q:{client}` its messages, `f:{client}` those that are under way, `in:{client}` QoS 2
 * identifiers, `ret` retained values, `wills`.
 */
export const maxChanges = 100_000
/** Messages for one node that it has not read yet; beyond it the oldest are left out, as for any subscriber that is too slow. */
export const maxInbox = 20_000

/**
 * Changes of one node in their order, all or none. A batch that was done already, and whose answer got lost, is not done again.
 * ARGV: life, number of the batch, then for each change its name, the number of its arguments and these.
 */
const commit = `
local P, life, number = KEYS[1], ARGV[1], tonumber(ARGV[2])
if redis.call('HEXISTS', P .. 'beats', life) == 0 then return {'gone'} end
local done = tonumber(redis.call('HGET', P .. 'batches', life) or '0')
local last, dropped = '', ''
local function tell(...)
  last = redis.call('XADD', P .. 'changes', 'MAXLEN', '~', ${maxChanges}, '*', ...)
end
local ops = {}
function ops.keepSession(client, keep, expires)
  -- one that was ended meanwhile, by the removal of its device, does not come back by its end
  if expires ~= '' and redis.call('EXISTS', P .. 's:' .. client) == 0 then return end
  redis.call('SADD', P .. 'names', client)
  redis.call('HSET', P .. 's:' .. client, 'k', keep, 'e', expires, 'l', life)
  redis.call('SREM', P .. 'clean:' .. life, client)
  tell('k', 'keep', 'c', client, 's', keep, 'e', expires, 'l', life)
end
local function forget(client)
  redis.call('DEL', P .. 's:' .. client, P .. 'subs:' .. client, P .. 'q:' .. client, P .. 'f:' .. client, P .. 'in:' .. client)
  redis.call('SREM', P .. 'names', client)
  redis.call('SREM', P .. 'clean:' .. life, client)
  tell('k', 'end', 'c', client, 'l', life)
end
ops.endSession = forget
function ops.expireSession(client, now)
  local expires = redis.call('HGET', P .. 's:' .. client, 'e')
  if expires and expires ~= '' and tonumber(expires) <= tonumber(now) then
    forget(client)
    redis.call('HDEL', P .. 'conn', client)
  end
end
function ops.leave(client)
  if redis.call('HGET', P .. 'conn', client) == life then redis.call('HDEL', P .. 'conn', client) end
end
function ops.subscribe(client, filter, qos, details)
  redis.call('HSET', P .. 'subs:' .. client, filter, qos .. details)
  local kept = redis.call('EXISTS', P .. 's:' .. client)
  if kept == 0 then redis.call('SADD', P .. 'clean:' .. life, client) end
  tell('k', 'sub', 'c', client, 'l', life, 'f', filter, 'd', qos .. details, 'kept', kept)
end
function ops.unsubscribe(client, filter)
  redis.call('HDEL', P .. 'subs:' .. client, filter)
  tell('k', 'unsub', 'c', client, 'l', life, 'f', filter)
end
function ops.append(client, message, size, most, at)
  local s = P .. 's:' .. client
  local there = redis.call('HMGET', s, 'e', 'l', 'b')
  if not there[1] then return end
  if tonumber(there[3] or '0') + tonumber(size) > tonumber(most) then
    dropped = dropped .. at .. ','
    return
  end
  local seq = redis.call('HINCRBY', s, 'n', 1)
  redis.call('HINCRBY', s, 'b', size)
  redis.call('XADD', P .. 'q:' .. client, string.format('%.0f-1', seq), 'm', message, 'z', size)
  if there[1] == '' then redis.call('PUBLISH', P .. 'wake:' .. there[2], client) end
end
function ops.numberOutgoing(id, client, seq)
  redis.call('HSET', P .. 'f:' .. client, seq, id)
end
function ops.releaseOutgoing(client, seq)
  local id = redis.call('HGET', P .. 'f:' .. client, seq)
  if id and string.sub(id, 1, 1) ~= 'r' then redis.call('HSET', P .. 'f:' .. client, seq, 'r' .. id) end
end
function ops.dequeue(client, seq)
  local id = seq .. '-1'
  local found = redis.call('XRANGE', P .. 'q:' .. client, id, id)
  redis.call('HDEL', P .. 'f:' .. client, seq)
  if found[1] then
    redis.call('XDEL', P .. 'q:' .. client, id)
    redis.call('HINCRBY', P .. 's:' .. client, 'b', -tonumber(found[1][2][4]))
  end
end
function ops.remember(client, id) redis.call('SADD', P .. 'in:' .. client, id) end
function ops.forget(client, id) redis.call('SREM', P .. 'in:' .. client, id) end
function ops.retain(topic, value)
  redis.call('HSET', P .. 'ret', topic, value)
  tell('k', 'ret', 'c', topic)
end
function ops.clearRetained(topic)
  redis.call('HDEL', P .. 'ret', topic)
  tell('k', 'ret', 'c', topic)
end
function ops.putWill(client, will)
  redis.call('HSET', P .. 'wills', client, cjson.encode({life = life, due = '', firing = 0}) .. '\\n' .. will)
end
local function will(client)
  local stored = redis.call('HGET', P .. 'wills', client)
  if not stored then return nil end
  local cut = string.find(stored, '\\n', 1, true)
  return cjson.decode(string.sub(stored, 1, cut - 1)), string.sub(stored, cut)
end
function ops.timeWill(client, due)
  local state, rest = will(client)
  if not state or state.life ~= life then return end
  state.due = due
  redis.call('HSET', P .. 'wills', client, cjson.encode(state) .. rest)
end
function ops.deleteWill(client)
  local state = will(client)
  if state and state.life == life then redis.call('HDEL', P .. 'wills', client) end
end
function ops.send(to, message)
  if redis.call('HEXISTS', P .. 'beats', to) == 0 then return end
  redis.call('XADD', P .. 'inbox:' .. to, 'MAXLEN', '~', ${maxInbox}, '*', 'k', 'message', 'm', message)
end
if number > done then
  local at = 3
  while at <= #ARGV do
    local count = tonumber(ARGV[at + 1])
    ops[ARGV[at]](unpack(ARGV, at + 2, at + 1 + count))
    at = at + 2 + count
  end
  redis.call('HSET', P .. 'batches', life, number)
end
if last == '' then last = redis.call('XINFO', 'STREAM', P .. 'changes')[8] end
local answer = {'done', last, dropped}
for _, each in ipairs(redis.call('HKEYS', P .. 'beats')) do answer[#answer + 1] = each end
return answer
`

/** Says that a node is there. The changes from the place in the answer on are its to apply. ARGV: life */
const join = `
local P, life = KEYS[1], ARGV[1]
redis.call('XADD', P .. 'changes', 'MAXLEN', '~', ${maxChanges}, '*', 'k', 'join', 'c', life)
local place = redis.call('XINFO', 'STREAM', P .. 'changes')[8]
redis.call('HSET', P .. 'beats', life, 1)
redis.call('HSET', P .. 'applied', life, place)
redis.call('XADD', P .. 'inbox:' .. life, '*', 'k', 'hello')
return place
`

/** One sign of life, and everybody's. ARGV: life, how far it has read its inbox */
const beat = `
local P, life = KEYS[1], ARGV[1]
if redis.call('HEXISTS', P .. 'beats', life) == 0 then return {'gone'} end
redis.call('HINCRBY', P .. 'beats', life, 1)
redis.call('XTRIM', P .. 'inbox:' .. life, 'MINID', ARGV[2])
return {'there', redis.call('HGETALL', P .. 'beats'), redis.call('HGETALL', P .. 'applied')}
`

/** A node that stood still, or leaves, is no more: its sessions are nobody's. ARGV: its life, its beat ('' = whatever it is), the time */
const bury = `
local P, life = KEYS[1], ARGV[1]
local beat = redis.call('HGET', P .. 'beats', life)
if not beat or (ARGV[2] ~= '' and beat ~= ARGV[2]) then return 0 end
redis.call('HDEL', P .. 'beats', life)
redis.call('HDEL', P .. 'applied', life)
redis.call('HDEL', P .. 'batches', life)
redis.call('DEL', P .. 'inbox:' .. life)
for _, client in ipairs(redis.call('SMEMBERS', P .. 'clean:' .. life)) do redis.call('DEL', P .. 'subs:' .. client) end
redis.call('DEL', P .. 'clean:' .. life)
local conn = redis.call('HGETALL', P .. 'conn')
for i = 1, #conn, 2 do
  if conn[i + 1] == life then redis.call('HDEL', P .. 'conn', conn[i]) end
end
for _, client in ipairs(redis.call('SMEMBERS', P .. 'names')) do
  local s = redis.call('HMGET', P .. 's:' .. client, 'l', 'e', 'k')
  if s[1] == life and s[2] == '' then
    local expires = string.format('%.0f', tonumber(ARGV[3]) + tonumber(s[3]) * 1000)
    redis.call('HSET', P .. 's:' .. client, 'e', expires)
    redis.call('XADD', P .. 'changes', '*', 'k', 'keep', 'c', client, 's', s[3], 'e', expires, 'l', life)
  end
end
redis.call('XADD', P .. 'changes', 'MAXLEN', '~', ${maxChanges}, '*', 'k', 'dead', 'c', life)
return 1
`

/** The client is here now; whoever held its session is told to let it go. Answers who that is, or nothing. ARGV: life, client */
const claim = `
local P, life, client = KEYS[1], ARGV[1], ARGV[2]
local before = redis.call('HGET', P .. 'conn', client)
redis.call('HSET', P .. 'conn', client, life)
if not before or before == life or redis.call('HEXISTS', P .. 'beats', before) == 0 then return '' end
redis.call('XADD', P .. 'inbox:' .. before, '*', 'k', 'kick', 'c', client, 'l', life)
return before
`

/** ARGV: life to tell, client */
const released = `
if redis.call('HEXISTS', KEYS[1] .. 'beats', ARGV[1]) == 0 then return 0 end
redis.call('XADD', KEYS[1] .. 'inbox:' .. ARGV[1], '*', 'k', 'released', 'c', ARGV[2])
return 1
`

/**
 * Takes over wills whose node is no more, and gives them out. ARGV: life, client ('' = all). With a client, one whose delay runs at another node
 * is taken too: the client is here now.
 */
const adoptWills = `
local P, life, client = KEYS[1], ARGV[1], ARGV[2]
local all = client == '' and redis.call('HGETALL', P .. 'wills') or {client, redis.call('HGET', P .. 'wills', client)}
local mine = {}
for i = 1, #all, 2 do
  local stored = all[i + 1]
  if stored then
    local cut = string.find(stored, '\\n', 1, true)
    local state = cjson.decode(string.sub(stored, 1, cut - 1))
    local orphan = redis.call('HEXISTS', P .. 'beats', state.life) == 0
    if orphan or (client ~= '' and state.due ~= '' and state.firing == 0 and state.life ~= life) then
      state.life = life
      state.firing = 0
      redis.call('HSET', P .. 'wills', all[i], cjson.encode(state) .. string.sub(stored, cut))
      mine[#mine + 1] = all[i]
      mine[#mine + 1] = state.due
      mine[#mine + 1] = string.sub(stored, cut + 1)
    end
  end
end
return mine
`

/** A will is published by whom it belongs to, and by nobody else meanwhile. ARGV: life, client */
const fireWill = `
local P = KEYS[1]
local stored = redis.call('HGET', P .. 'wills', ARGV[2])
if not stored then return 0 end
local cut = string.find(stored, '\\n', 1, true)
local state = cjson.decode(string.sub(stored, 1, cut - 1))
if state.life ~= ARGV[1] then return 0 end
state.firing = 1
redis.call('HSET', P .. 'wills', ARGV[2], cjson.encode(state) .. string.sub(stored, cut))
return 1
`

export const scripts = { commit, join, beat, bury, claim, released, adoptWills, fireWill } as const
export type Script = keyof typeof scripts
