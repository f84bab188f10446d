import type { Permission, WhoAmI } from '@patchbay/contracts/person'
import type { Static } from 'typebox'
import { reactive, readonly } from 'vue'
import { api, ApiProblem } from './client.ts'

export type Me = Static<typeof WhoAmI>

const state = reactive<{ me: Me | undefined; asked: boolean }>({ me: undefined, asked: false })
export const session = readonly(state)

// The cookie cannot be seen from here. This mark only saves a question whose answer would be "log in first".
const mark = 'patchbay.signed-in'

const take = (me: Me | undefined): void => {
  state.me = me
  state.asked = true
  if (me) localStorage.setItem(mark, '1')
  else localStorage.removeItem(mark)
}

/** Who is signed in; asks the platform the first time only. */
export const whoAmI = async (): Promise<Me | undefined> => {
  if (state.asked) return state.me
  if (localStorage.getItem(mark) === null) return void (state.asked = true)
  try {
    take(await api.get<Me>('/session'))
  } catch (problem) {
    if (!(problem instanceof ApiProblem && problem.status === 401)) throw problem
    take(undefined)
  }
  return state.me
}

export const signIn = async (user: string, password: string): Promise<void> =>
  take(await api.post<Me>('/session', { user, password }))
export const signOut = async (): Promise<void> => {
  await api.delete('/session')
  take(undefined)
}
export const forget = (): void => take(undefined)

/** May the signed-in person do this? The platform decides for itself again; this only spares dead ends. */
export const can = (permission: Permission): boolean => state.me?.permissions.includes(permission) ?? false
