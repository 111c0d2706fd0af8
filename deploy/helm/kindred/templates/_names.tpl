{{- define "kindred.labels" -}}
app.kubernetes.io/name: kindred
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "kindred.image" -}}
{{ .root.Values.image.repository }}-{{ .app }}:{{ .root.Values.image.tag | default .root.Chart.AppVersion }}
{{- end }}

{{- define "kindred.secret" -}}
{{ .Values.secret.existing | default (printf "%s-kindred" .Release.Name) }}
{{- end }}

{{- define "kindred.claim" -}}
{{ .Values.artifacts.existingClaim | default (printf "%s-artifacts" .Release.Name) }}
{{- end }}

{{- define "kindred.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
# Without this each start walks through every file of the artefacts.
fsGroupChangePolicy: OnRootMismatch
seccompProfile: { type: RuntimeDefault }
{{- end }}

{{- define "kindred.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end }}
