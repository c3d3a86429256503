-- The requests of `bench.loads.requests` for wrk: wrk ... URL -- TARGET VARIES CONTENT
-- VARIES is "head" for a query, User-Agent, Cookie, traceparent and X-Request-Id of its own in each request.
local target, varies, content, fixed

local function number(digits)
  local octets = {}
  for place = 1, digits / 4 do
    octets[place] = string.format("%04x", math.random(0, 65535))
  end
  return table.concat(octets)
end

local function make(query, agent, cookie, trace, id)
  local fields = {
    ["User-Agent"] = "Mozilla/5.0 (X11; Linux x86_64; rv:" .. agent .. ") Gecko/20100101 Firefox/" .. agent,
    ["Accept"] = "application/json, text/plain, */*",
    ["Accept-Encoding"] = "gzip, deflate, br",
    ["Accept-Language"] = "en-GB,en;q=0.8,de;q=0.5",
    ["Connection"] = "keep-alive",
    ["Cookie"] = "session=" .. cookie .. "; theme=dark",
    ["traceparent"] = "00-" .. trace .. "-01",
    ["X-Request-Id"] = id,
  }
  local body = content > 0 and string.rep("x", content) or nil
  return wrk.format(body and "POST" or "GET", target .. query, fields, body)
end

function init(arguments)
  target, varies, content = arguments[1], arguments[2], tonumber(arguments[3])
  math.randomseed(os.time())
  fixed = make("", "128.0.0001", number(16), number(32) .. "-" .. number(16), number(16))
end

function request()
  if varies ~= "head" then
    return fixed
  end
  local agent = string.format("%03d.%d.%04d", math.random(100, 139), math.random(0, 8), math.random(0, 9999))
  local query = string.format("?page=%012d", math.random(0, 999999999))
  return make(query, agent, number(16), number(32) .. "-" .. number(16), number(16))
end

function done(summary)
  local errors = summary.errors
  print(string.format("counted %d %d", summary.requests,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
