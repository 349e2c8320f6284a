-- The addresses of the letters that a selection means, each once, at most `most`.
function M.chosenLetters(most, names)
  if names == '' then return M.newestLetters(most) end
  local seen, chosen = {}, {}
  for _, name in ipairs(cjson.decode(names)) do
    for _, address in ipairs(M.lettersNamed(name)) do
      if not seen[address] and #chosen < most then
        seen[address] = true
        chosen[#chosen + 1] = address
      end
    end
  end
  return chosen
end
