import { leaseContract } from '../../suites/leases.ts'
import { sharedLeaseContract } from '../../suites/shared-leases.ts'
import { createMemoryRegistry } from '../../test/memory-registry.ts'

async function open() {
  const store = createMemoryRegistry()
  return { store, close: () => store.close() }
}

leaseContract(open, true)
leaseContract(open, false)
sharedLeaseContract(open)
