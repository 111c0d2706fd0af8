import type { ReactNode } from 'react';

function Icon({ children }: { children: ReactNode }): ReactNode {
  return (
    <svg viewBox="0 0 20 20" fill="none" stroke="currentColor" strokeWidth="1.6" strokeLinecap="round" strokeLinejoin="round" aria-hidden="true">
      {children}
    </svg>
  );
}

export const SegmentsIcon = (): ReactNode => (
  <Icon>
    <circle cx="6.5" cy="7" r="3.5" />
    <circle cx="14.5" cy="5.5" r="2" />
    <circle cx="13" cy="13.5" r="3.6" />
    <circle cx="5" cy="15" r="1.6" />
  </Icon>
);

export const RunsIcon = (): ReactNode => (
  <Icon>
    <path d="M16.5 10a6.5 6.5 0 1 1-2-4.7" />
    <path d="M16.8 2.8v3.4h-3.4" />
  </Icon>
);

export const CustomersIcon = (): ReactNode => (
  <Icon>
    <circle cx="10" cy="6.5" r="3.2" />
    <path d="M3.6 17c.7-3.4 3.2-5.2 6.4-5.2s5.7 1.8 6.4 5.2" />
  </Icon>
);

export const IntakeIcon = (): ReactNode => (
  <Icon>
    <path d="M10 3v8.5M6.5 8.2 10 11.7l3.5-3.5" />
    <path d="M3.5 12.5v3.2c0 .7.6 1.3 1.3 1.3h10.4c.7 0 1.3-.6 1.3-1.3v-3.2" />
  </Icon>
);

export const KeysIcon = (): ReactNode => (
  <Icon>
    <circle cx="6.5" cy="13.5" r="3.2" />
    <path d="M8.8 11.2 16.5 3.5M13 7l2.6 2.6" />
  </Icon>
);

export const QuarantineIcon = (): ReactNode => (
  <Icon>
    <path d="M10 3.2 17.2 16H2.8z" />
    <path d="M10 8.2v3.6M10 13.9v.1" />
  </Icon>
);

export const PlanIcon = (): ReactNode => (
  <Icon>
    <rect x="4" y="3" width="12" height="14" rx="1.6" />
    <path d="m7 8 1.2 1.2L10.4 7M7 13l1.2 1.2 2.2-2.2M12.6 8.4h1M12.6 13.4h1" />
  </Icon>
);

export const LabelsIcon = (): ReactNode => (
  <Icon>
    <path d="M3.5 9.2V4.3c0-.5.3-.8.8-.8h4.9l7.3 7.3-5.7 5.7z" />
    <circle cx="7" cy="7" r="1.1" />
  </Icon>
);

export const WebhooksIcon = (): ReactNode => (
  <Icon>
    <path d="M3 10h9M8.5 6 12.5 10l-4 4" />
    <path d="M12 3.5h3.2c1 0 1.8.8 1.8 1.8v9.4c0 1-.8 1.8-1.8 1.8H12" />
  </Icon>
);

export const SettingsIcon = (): ReactNode => (
  <Icon>
    <path d="M3 6h6.5M14.5 6H17M3 14h2.5M10.5 14H17" />
    <circle cx="12" cy="6" r="2.2" />
    <circle cx="8" cy="14" r="2.2" />
  </Icon>
);

export const ImportsIcon = (): ReactNode => (
  <Icon>
    <path d="M11.5 3H6c-.8 0-1.5.7-1.5 1.5v11c0 .8.7 1.5 1.5 1.5h8c.8 0 1.5-.7 1.5-1.5V7z" />
    <path d="M11.5 3v4h4M10 9.5v4.8M7.8 12.2 10 14.4l2.2-2.2" />
  </Icon>
);

export const AuditIcon = (): ReactNode => (
  <Icon>
    <circle cx="10" cy="10" r="7" />
    <path d="M10 6v4.2l2.8 1.8" />
  </Icon>
);

export const PersonsIcon = (): ReactNode => (
  <Icon>
    <path d="M10 2.8 16 5v4.6c0 3.6-2.4 6.3-6 7.6-3.6-1.3-6-4-6-7.6V5z" />
    <circle cx="10" cy="8.4" r="1.8" />
    <path d="M6.8 13.6c.5-1.7 1.7-2.5 3.2-2.5s2.7.8 3.2 2.5" />
  </Icon>
);

export const RetentionIcon = (): ReactNode => (
  <Icon>
    <path d="M3 4h14v3.6H3z" />
    <path d="M4.2 7.6v7.6c0 .5.4.8.8.8h10c.4 0 .8-.3.8-.8V7.6M8 10.8h4" />
  </Icon>
);
