// The content of a file of passwords (`requirepass-file` and its like): one a line, two at most, so that one can take the place
// of the other while both are good.

const PASSWORDS_MAX = 2
const CHARACTERS_MAX = 512

/** The passwords of the text, or what is wrong with it. */
export function parsePasswords(text: string): readonly string[] | { readonly problem: string } {
  const passwords = text.split('\n').map((line) => line.replace(/\r$/, ''))
  const given = passwords.filter((password) => password !== '')
  if (given.length === 0) return { problem: 'there is no password in it' }
  if (given.length > PASSWORDS_MAX) return { problem: `there are more than ${PASSWORDS_MAX} lines in it` }
  if (given.some((password) => password.length > CHARACTERS_MAX || password.includes('\0')))
    return { problem: `a password has at most ${CHARACTERS_MAX} characters, none of them zero` }
  return given
}
