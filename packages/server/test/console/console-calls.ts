import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../../../console/src/', import.meta.url))

/** What a call of the console looks like: `POST /devices/{}/commands`, each `{}` a part that is filled in. */
export type ConsoleCall = string

/** Where the tabs of a device or a plugin stand, whose `base` their page gives them. */
const givenBase: Readonly<Record<string, string>> = { devices: '/devices/{}', plugins: '/plugins/{}' }

/** The text from an opening parenthesis to where its first argument ends. */
const firstArgument = (code: string, from: number): string => {
  let depth = 0
  let quote = ''
  for (let at = from; at < code.length; at++) {
    const sign = code[at] ?? ''
    if (quote === '`' && sign === '$' && code[at + 1] === '{') {
      at = endOfFill(code, at)
      continue
    }
    if (quote) {
      if (sign === quote) quote = ''
      continue
    }
    if (`'"\``.includes(sign)) quote = sign
    else if ('([{'.includes(sign)) depth++
    else if (')]}'.includes(sign) && --depth < 0) return code.slice(from, at)
    else if (sign === ',' && depth === 0) return code.slice(from, at)
  }
  return code.slice(from)
}

/** The closing brace of `${…}`. */
const endOfFill = (code: string, from: number): number => {
  let depth = 0
  for (let at = from; at < code.length; at++) {
    if (code[at] === '{') depth++
    else if (code[at] === '}' && --depth === 0) return at
  }
  return code.length
}

/** Each path that an argument may be: a literal, a template, one of both sides of a choice, or the file's `base`. */
const pathsIn = (argument: string, base: string | undefined, words: readonly string[]): string[] => {
  const found: string[] = []
  for (let at = 0; at < argument.length; at++) {
    const quote = argument[at]
    if (quote !== "'" && quote !== '`') continue
    let text = ''
    for (at++; at < argument.length && argument[at] !== quote; at++) {
      if (quote === '`' && argument[at] === '$' && argument[at + 1] === '{') {
        const end = endOfFill(argument, at)
        const fill = argument.slice(at + 2, end)
        // What a card hands on to the parts of it is an instance's path.
        if (/^props\.path\b/.test(fill)) text += `${base}/instances/{}`
        else text += /^(props\.)?base\b/.test(fill) ? (base ?? '{}') : fill === 'what' ? '{what}' : '{}'
        at = end
      } else text += argument[at]
    }
    if (text.startsWith('/')) found.push(text)
  }
  if (found.length === 0 && /^\s*(\(\) => )?(props\.)?base\b/.test(argument) && base !== undefined) found.push(base)
  return found.flatMap((path) =>
    path.includes('{what}') ? words.map((word) => path.replace('{what}', word)) : [path.split('?')[0] ?? ''],
  )
}

const callPattern = /\b(api\.(get|post|put|patch|delete)|useAsk|useList)(<(?:[^()]|\(\))*?>)?\(/g

/** Every call of REST that the console's code holds. */
export const collectConsoleCalls = (): Set<ConsoleCall> => {
  const calls = new Set<ConsoleCall>()
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter(
    (path) => /\.(vue|ts)$/.test(path) && !path.endsWith('.test.ts') && !path.startsWith('words/'),
  )
  for (const file of files) {
    const code = readFileSync(root + file, 'utf8')
    const words = [...code.matchAll(/'([a-z-]+)'/g)].map((match) => match[1] ?? '')
    const own = /const base = (?:computed\()?(?:\([^)]*\)[^=]*=>)?\s*((?:'[^']*')|(?:`[^`]*`))/.exec(code)?.[1]
    const base = own ? pathsIn(own, undefined, words)[0] : givenBase[file.split('/')[1] ?? '']
    for (const match of code.matchAll(callPattern)) {
      const method = (match[2] ?? 'get').toUpperCase()
      for (const path of pathsIn(firstArgument(code, match.index + match[0].length), base, words))
        calls.add(`${method} ${path}`)
    }
    // Links and frames that the browser follows by itself.
    for (const match of code.matchAll(/["'`]\/api\/v1(\/[a-z./-]+)["'`]/g)) calls.add(`GET ${match[1]}`)
  }
  return calls
}
