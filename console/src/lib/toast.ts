import { reactive, readonly } from 'vue'

interface Toast {
  id: number
  text: string
  kind: 'good' | 'bad'
}
const shownMs = { good: 4000, bad: 10_000 }
const list = reactive<Toast[]>([])
let counter = 0

export const toasts = readonly(list)
export const dismiss = (id: number): void => {
  const at = list.findIndex((toast) => toast.id === id)
  if (at >= 0) list.splice(at, 1)
}
/** The result of the person's own action, and nothing else: what happens by itself raises none. */
export const tell = (text: string, kind: Toast['kind'] = 'good'): void => {
  const id = ++counter
  list.push({ id, text, kind })
  if (list.length > 4) list.shift()
  setTimeout(() => dismiss(id), shownMs[kind])
}
