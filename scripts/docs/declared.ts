import type { Emitter } from 'typescript/unstable/sync'
import type { ClassDeclaration, InterfaceDeclaration, Node, TypeAliasDeclaration } from 'typescript/unstable/ast'
import {
  isArrowFunction,
  isClassDeclaration,
  isConstructorDeclaration,
  isFunctionDeclaration,
  isIdentifier,
  isInterfaceDeclaration,
  isObjectLiteralExpression,
  isPropertyAssignment,
  isTypeAliasDeclaration,
  isTypeLiteralNode,
  isTypeQueryNode,
  isTypeReferenceNode,
  isVariableDeclaration,
} from 'typescript/unstable/ast/is'

export const kinds = ['function', 'class', 'value', 'interface', 'type'] as const

/** One member of what is exported, or what is exported itself: its name with types, and what its comment says. */
export interface Told {
  signature: string
  doc: string
}

/** What a declaration says to a reader. */
export interface Declared extends Told {
  kind: (typeof kinds)[number]
  examples: readonly string[]
  members: readonly Told[]
  /** `Static<typeof Name>`: the module and name of the schema that the type is made from. */
  schema?: { file: string; name: string }
}

/** The comment before a declaration without its stars: sentences on one line, then examples. */
function readComment(node: Node): { doc: string; examples: string[] } {
  const text = node.jsDoc?.at(-1)?.getText() ?? ''
  const lines = text
    .replace(/^\/\*\*/, '')
    .replace(/\*\/$/, '')
    .split('\n')
  const [doc = '', ...examples] = lines
    .map((line) => line.replace(/^\s*\* ?/, ''))
    .join('\n')
    .split('@example\n')
  return {
    doc: doc.replace('@deprecated', 'Deprecated:').trim().replaceAll(/\s+/g, ' '),
    examples: examples.map((each) => each.trimEnd()),
  }
}

/** On one line. */
const toLine = (text: string): string =>
  text
    .replaceAll(/\s*\n\s*/g, ' ')
    .replaceAll(/; }/g, ' }')
    .replaceAll(/, }/g, ' }')
    .replace(/;$/, '')
    .trim()

/** A printer of declarations: bodies and values are left out. */
export function createReader(emitter: Emitter) {
  const print = (node: Node): string => toLine(emitter.printNode(node))
  const printAll = (nodes: readonly Node[] | undefined): string => [...(nodes ?? [])].map(print).join(', ')
  const heritageOf = (node: ClassDeclaration | InterfaceDeclaration): string =>
    [...(node.heritageClauses ?? [])].map((clause) => ` ${print(clause)}`).join('')
  const parametersOf = (node: { typeParameters?: readonly Node[] }): string =>
    node.typeParameters && node.typeParameters.length > 0 ? `<${printAll(node.typeParameters)}>` : ''
  /** `(a: A, b?: B): C`. */
  const callOf = (node: { typeParameters?: readonly Node[]; parameters: readonly Node[]; type?: Node }): string =>
    `${parametersOf(node)}(${printAll(node.parameters)})${node.type ? `: ${print(node.type)}` : ''}`

  const membersOf = (name: string, nodes: readonly Node[]): Told[] =>
    [...nodes].flatMap((node) => {
      const { doc } = readComment(node)
      if (isConstructorDeclaration(node)) return [{ signature: `new ${name}${callOf(node)}`, doc }]
      const signature = print(node).replace(/^(?:(?:override|readonly) )+/, '')
      // Members under a symbol are between the SDK and the host.
      return signature.startsWith('[') ? [] : [{ signature, doc }]
    })

  /** Functions of an object, such as `field.text`. */
  const propertiesOf = (name: string, nodes: readonly Node[]): Told[] =>
    [...nodes].filter(isPropertyAssignment).map((node) => {
      const value = node.initializer
      const call = isArrowFunction(value) ? callOf(value) : ''
      return { signature: `${name}.${print(node.name)}${call}`, doc: readComment(node).doc }
    })

  const readAlias = (name: string, node: TypeAliasDeclaration): Omit<Declared, 'doc' | 'examples'> => {
    const { type } = node
    const made = isTypeReferenceNode(type) && print(type.typeName) === 'Static' ? type.typeArguments?.[0] : undefined
    if (made && isTypeQueryNode(made) && isIdentifier(made.exprName))
      return {
        kind: 'type',
        signature: name,
        members: [],
        schema: { file: node.getSourceFile().fileName, name: made.exprName.text },
      }
    const members = isTypeLiteralNode(type) ? membersOf(name, type.members) : []
    const head = `type ${name}${parametersOf(node)}`
    return { kind: 'type', signature: members.length > 0 ? head : `${head} = ${print(type)}`, members }
  }

  const readShape = (name: string, node: Node): Omit<Declared, 'doc' | 'examples'> | undefined => {
    if (isInterfaceDeclaration(node))
      return {
        kind: 'interface',
        signature: `interface ${name}${parametersOf(node)}${heritageOf(node)}`,
        members: membersOf(name, node.members),
      }
    if (isClassDeclaration(node))
      return {
        kind: 'class',
        signature: `class ${name}${parametersOf(node)}${heritageOf(node)}`,
        members: membersOf(name, node.members),
      }
    if (isFunctionDeclaration(node)) return { kind: 'function', signature: `${name}${callOf(node)}`, members: [] }
    if (isTypeAliasDeclaration(node)) return readAlias(name, node)
    if (!isVariableDeclaration(node)) return undefined
    const value = node.initializer
    if (value && isArrowFunction(value)) return { kind: 'function', signature: `${name}${callOf(value)}`, members: [] }
    if (value && isObjectLiteralExpression(value))
      return { kind: 'value', signature: `const ${name}`, members: propertiesOf(name, value.properties) }
    return { kind: 'value', signature: `const ${name} = ${value ? print(value) : ''}`, members: [] }
  }

  return (name: string, node: Node | undefined): Declared | undefined => {
    const shape = node && readShape(name, node)
    // The comment of a variable stands before its statement.
    return shape && { ...shape, ...readComment(isVariableDeclaration(node) ? node.parent.parent : node) }
  }
}
