import type { nodeWords as english } from '../en/nodes.ts'

export const nodeWords: Readonly<Record<keyof typeof english, string>> = {
  'node.title': '节点',
  'node.self': '当前节点',
  'node.roles': '角色',
  'node.role-front': '接入',
  'node.role-worker': '处理',
  'node.role-api': '接口',
  'node.version': '版本',
  'node.load': '负载',
  'node.cpu': '单核 {n} %',
  'node.traffic': '{sessions} 个会话，每秒 {messages} 条消息',
  'node.holds': '独占任务',
  'node.work': '规则、告警、数据保留',
  'node.started': '启动时间',
  'node.seen': '最后可见',
  'node.no-worker': '没有节点承担处理角色：规则、告警和数据输出均已停止。',
  'node.versions': '不同版本的节点正在并行运行：{versions}。',
  'node.text': '连接同一 MongoDB 的节点会互相发现。8 秒内没有消息的节点视为离线，其独占任务由其他节点接管。',
  'state.elsewhere': '在其他节点运行',
  'state.live': '在线',
  'state.away': '离线',
}
