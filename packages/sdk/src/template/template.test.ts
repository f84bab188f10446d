import { performance } from 'node:perf_hooks'
import { describe, expect, test } from 'vitest'
import { escapeHtml, escapeJson, escapeLine } from './escape.ts'
import { compileTemplate, maxTemplateChars, renderMs } from './template.ts'

const render = async (source: string, values: object = {}, escape?: (text: string) => string) =>
  (await compileTemplate(source, escape ? { escape } : {})).render(values)

describe('a template', () => {
  test('puts values in as text of the target', async () => {
    const values = { name: '<b a="1">&\'', list: ['<', 1], none: null, object: { a: '<' } }
    expect(await render('{{ name }}|{{ list }}|{{ none }}{{ missing }}|{{ object }}', values)).toBe(
      '<b a="1">&\'|<1||{"a":"<"}',
    )
    expect(await render('<i>{{ name }}</i>', values, escapeHtml)).toBe('<i>&lt;b a=&quot;1&quot;&gt;&amp;&#39;</i>')
    expect(JSON.parse(await render('"{{ name }}"', values, escapeJson))).toBe(values.name)
    expect(await render('{{ object | json | raw }}', values, escapeHtml)).toBe('{"a":"<"}')
    expect(await render('{{ t }}', { t: 'a\r\nBcc: b\u2028c' }, escapeLine)).toBe('a Bcc: b c')
  })

  test('does not run what a value says', async () => {
    expect(await render('{{ name }}', { name: '{{ 1 | plus: 1 }}{% assign a = 1 %}' })).toBe(
      '{{ 1 | plus: 1 }}{% assign a = 1 %}',
    )
  })

  test('sees own properties only', async () => {
    expect(
      await render('{{ a.constructor }}{{ a.__proto__ }}{{ a.toString }}{{ s.length }}', { a: {}, s: 'x' }),
    ).not.toMatch(/function|object/i)
  })
})

describe('a hostile template is refused', () => {
  test.for([
    '{% include "/etc/passwd" %}',
    '{% render "x" %}',
    '{% layout "x" %}',
    '{% liquid\n include "x" %}',
    '{{ x | no_such }}',
    '{{ unfinished',
    'x'.repeat(maxTemplateChars + 1),
  ])('when it is read: %.40s', async (source) => {
    await expect(compileTemplate(source)).rejects.toMatchObject({ name: 'BadTemplate' })
  })

  test.for([
    '{% for i in (1..100000000) %}{% endfor %}',
    '{% for i in (1..90000) %}{% for j in (1..90000) %}{% endfor %}{% endfor %}',
    '{% for i in (1..90000) %}{% for j in (1..90000) %}xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx{% endfor %}{% endfor %}',
    '{% assign s = "xxxxxxxxxxxxxxxx" %}{% for i in (1..40) %}{% assign s = s | append: s %}{% endfor %}{{ s }}',
    '{{ "2024-01-01" | date: "%999999999d" }}',
    '{% for i in (1..2000) %}{{ long }}{% endfor %}',
  ])('when it would take too much: %.60s', async (source) => {
    const template = await compileTemplate(source)
    const sinceMs = performance.now()
    expect(() => template.render({ long: 'y'.repeat(1000) })).toThrow(/limit/)
    expect(performance.now() - sinceMs).toBeLessThan(renderMs * 8)
  })

  test('and says whether only time was short', async () => {
    const error = await render('{% for i in (1..90000) %}{% for j in (1..90000) %}{% endfor %}{% endfor %}').catch(
      (of: unknown) => of,
    )
    expect(error).toMatchObject({ name: 'BadTemplate', slow: true })
  })
})
