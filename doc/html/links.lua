-- What the pages call README.md is index.html, other pages keep their name; comments are for tests, not for readers.

local function is_elsewhere(target) return target:match('^%a[%w+.-]*:') or target:match('^#') end

function Link(link)
  if is_elsewhere(link.target) then return nil end
  local path, anchor = link.target:match('^([^#]*)(.*)$')
  link.target = path:gsub('README%.md$', 'index.html'):gsub('%.md$', '.html') .. anchor
  return link
end

function RawBlock(block)
  if block.text:match('^<!%-%-') then return {} end
end
